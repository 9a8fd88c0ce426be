#!/bin/sh
# cuda12.sh FOLDER: a CUDA 12 to build with, without root and without NVIDIA's installer.  Fetches NVIDIA's packages of headers,
# assembler and libraries with pip, checks them by SHA-256, and lays them out as clang expects a CUDA: FOLDER/bin, include, lib64,
# nvvm/libdevice.  About 390 MB come over the network, nearly all of it cuBLAS, and 500 MB stay.  They are under NVIDIA's licence
# (FOLDER/LICENSE.txt) and no part of this project.  One line says why when they cannot be had.
set -eu
mkdir -p "$1"
folder=$(cd "$1" && pwd)
[ ! -f "$folder/version.json" ] || exit 0
here=$(dirname "$(realpath "$0")")
NAME='CUDA 12'
. "$here/pip_download.sh"
packages="
nvidia-cuda-nvcc-cu12==12.4.131     e4c9a35435c3b0e36c6397c5696334c9ea6650e524736cbd1c5d345ea099bb04
nvidia-cuda-runtime-cu12==12.4.127  64403288fa2136ee8e467cdc9c9427e0434110899d07c779f25b5c068934faa5
nvidia-nvfatbin-cu12==12.4.127      55b07fad4a7c67b9d48c220e96f682853c5208e5ede8f4928bee40b637a561d2
nvidia-cublas-cu12==12.4.5.8        2fc8da60df463fdefa81e323eef2e36489e1c94335b5358bcb38360adf75ac9b"
[ "$(uname -sm)" = "Linux x86_64" ] || give_up "it is fetched for Linux on x86_64 only"
echo "$packages" | while read -r package sha256; do
    [ -n "$package" ] || continue
    echo "fetching $package"
    mkdir one
    pip_download --only-binary :all: --dest one "$package" || give_up "$package cannot be fetched: $(tail -1 pip.log)"
    wheel=$(echo one/*.whl)
    echo "$sha256  $wheel" | sha256sum --check --quiet 2>/dev/null || give_up "$(basename "$wheel") has another SHA-256 than $sha256"
    python3 -m zipfile -e "$wheel" . || give_up "$(basename "$wheel") cannot be unpacked"
    rm -r one
done
rm -f nvidia/*/*/__init__.py
mkdir -p "$folder/bin" "$folder/include" "$folder/lib64" "$folder/nvvm/libdevice"
cp -r nvidia/*/include/* "$folder/include"
mv nvidia/cuda_runtime/lib/libcudart.so.12 nvidia/nvfatbin/lib/libnvfatbin.so.12 nvidia/cublas/lib/libcublasLt.so.12 "$folder/lib64"
cp nvidia/cuda_nvcc/nvvm/libdevice/* "$folder/nvvm/libdevice"
install -m 755 nvidia/cuda_nvcc/bin/ptxas "$folder/bin"
cp nvidia_cuda_nvcc_cu12-*/License.txt "$folder/LICENSE.txt"
# clang calls this one, too, which has no package: ours is a few lines around NVIDIA's library
${CC:-cc} -O2 -Wall -I"$folder/include" -o "$folder/bin/fatbinary" "$here/fatbinary.c" -L"$folder/lib64" -l:libnvfatbin.so.12 \
    -Wl,-rpath,"\$ORIGIN/../lib64" || give_up "tools/fatbinary.c does not compile"
echo '{ "cuda": { "name": "CUDA SDK", "version": "12.4.131" } }' >version.json
cp version.json "$folder/version.part"
mv "$folder/version.part" "$folder/version.json"   # last: its presence says that all is there
