# pip_download.sh: read by scripts that fetch a package with pip; NAME is what it is called.  Leaves the script in a scratch folder.
#   pip_download PACKAGE==VERSION OPTION...   the package's file into this folder; what pip says is in pip.log
scratch=$(mktemp -d)
trap 'rm -rf "$scratch"' EXIT
cd "$scratch"
give_up() { echo "$NAME is not there: $1" >&2; exit 1; }
find_pip() { command -v pip3 || command -v pip; }
if ! find_pip >/dev/null && [ "$(id -u)" = 0 ] && command -v apt-get >/dev/null; then
    echo "installing python3-pip, which fetches $NAME"
    export DEBIAN_FRONTEND=noninteractive
    { apt-get update -qq && apt-get install -y -qq --no-install-recommends python3-pip; } >apt.log 2>&1 || true
fi
pip=$(find_pip) || give_up "pip is needed to fetch it: apt-get install python3-pip"
pip_download() { "$pip" download --quiet --retries 1 --timeout 30 --no-deps "$@" >pip.log 2>&1; }
