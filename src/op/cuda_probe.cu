/* cuda_probe.cu - which devices there are, and why none can be used */
#include "op/cuda_gemm.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

extern "C" {

enum { OLDEST_MAJOR = 7, OLDEST_MINOR = 5 };   /* the oldest that this build has code for */

/* The Makefile's list of capabilities that this build has machine code for, as _75_89. */
#ifndef RT_CUDA_MACHINE_CODE
#define RT_CUDA_MACHINE_CODE _
#endif
/* The CUDA whose PTX the build has: as a rule the one that it was built with. */
#ifndef RT_CUDA_PTX_VERSION
#define RT_CUDA_PTX_VERSION CUDART_VERSION
#endif
#define TEXT_OF(x) #x
#define TEXT(x) TEXT_OF(x)

/* True when the driver would have to compile PTX for the device and is older than what wrote it: it refuses that,
 * though it runs machine code of any CUDA of its major version. */
static bool cannot_compile(int driver, const cudaDeviceProp *prop)
{
    for (const char *at = strchr(TEXT(RT_CUDA_MACHINE_CODE), '_'); at; at = strchr(at + 1, '_')) {
        int code = atoi(at + 1);
        if (code / 10 == prop->major && code % 10 <= prop->minor) return false;
    }
    return driver / 10 < RT_CUDA_PTX_VERSION / 10;
}

int rt_cuda_build_version(void) { return CUDART_VERSION; }

int rt_cuda_driver_version(void)
{
    int version = 0;
    return cudaDriverGetVersion(&version) == cudaSuccess ? version : 0;
}

/* "GPU-00010203-0405-0607-0809-0a0b0c0d0e0f": as nvidia-smi writes it. */
static void write_uuid(char out[48], const cudaDeviceProp *prop)
{
    int length = snprintf(out, 48, "GPU");
    for (int i = 0; i < 16; i++) {
        bool begins = i == 0 || i == 4 || i == 6 || i == 8 || i == 10;
        length += snprintf(out + length, 48 - (size_t)length, "%s%02x", begins ? "-" : "", prop->uuid.bytes[i] & 0xff);
    }
}

int rt_cuda_devices(rt_cuda_device *out_devices, int most)
{
    int count = 0;
    if (cudaGetDeviceCount(&count) != cudaSuccess) return 0;
    for (int i = 0; i < count && i < most; i++) {
        cudaDeviceProp prop;
        size_t free_bytes = 0, total = 0;
        rt_cuda_device *d = &out_devices[i];
        if (cudaGetDeviceProperties(&prop, i) != cudaSuccess) return i;
        if (cudaSetDevice(i) != cudaSuccess || cudaMemGetInfo(&free_bytes, &total) != cudaSuccess) free_bytes = 0;
        snprintf(d->name, sizeof d->name, "%.120s", prop.name);
        write_uuid(d->uuid, &prop);
        d->memory = (int64_t)prop.totalGlobalMem, d->memory_free = (int64_t)free_bytes;
        d->major = prop.major, d->minor = prop.minor;
        d->bf16 = prop.major >= 8;
    }
    return count;
}

const char *rt_cuda_unavailable(void)
{
    static char text[256];
    int driver = rt_cuda_driver_version(), count = 0;
    cudaDeviceProp prop;
    if (driver == 0) return "no NVIDIA driver was found";
    if (driver / 1000 < CUDART_VERSION / 1000) {
        snprintf(text, sizeof text, "the driver is one for CUDA %d.%d, this rnatune was built with CUDA %d.%d", driver / 1000,
                 driver % 1000 / 10, CUDART_VERSION / 1000, CUDART_VERSION % 1000 / 10);
        return text;
    }
    cudaError_t error = cudaGetDeviceCount(&count);
    if (error != cudaSuccess) {
        snprintf(text, sizeof text, "the driver shows none: %.160s", cudaGetErrorString(error));
        return text;
    }
    if (count == 0) return "the driver shows none";
    if (cudaGetDeviceProperties(&prop, rt_cuda_taken()) != cudaSuccess) return "the driver does not say what its device is";
    if (prop.major < OLDEST_MAJOR || (prop.major == OLDEST_MAJOR && prop.minor < OLDEST_MINOR)) {
        snprintf(text, sizeof text, "%.100s has compute capability %d.%d, %d.%d or newer is needed", prop.name, prop.major,
                 prop.minor, OLDEST_MAJOR, OLDEST_MINOR);
        return text;
    }
    if (cannot_compile(driver, &prop)) {
        snprintf(text, sizeof text,
                 "the driver is one for CUDA %d.%d and cannot compile this build's PTX of CUDA %d.%d", driver / 1000,
                 driver % 1000 / 10, RT_CUDA_PTX_VERSION / 1000, RT_CUDA_PTX_VERSION % 1000 / 10);
        return text;
    }
    return rt_cuda_products_missing();
}

const char *rt_cuda_advice(void)
{
    static char text[256];
    int driver = rt_cuda_driver_version(), major = CUDART_VERSION / 1000;
    cudaDeviceProp prop;
    if (driver == 0 || driver / 1000 < major)
        snprintf(text, sizeof text, "this build needs a driver of version %s",
                 major >= 13 ? "580 or newer; docs/cuda.md has a recipe for older ones" : "525 or newer");
    else if (cudaGetDeviceProperties(&prop, rt_cuda_taken()) == cudaSuccess && cannot_compile(driver, &prop))
        snprintf(text, sizeof text, "a driver for CUDA %d.%d or newer runs it, or a build with CUDA_ARCHS=%d", major,
                 RT_CUDA_PTX_VERSION % 1000 / 10, 10 * prop.major + prop.minor);
    else if (rt_cuda_products_missing())
        snprintf(text, sizeof text, "install cuBLAS of CUDA %d, or put the file into lib/ beside rnatune", major);
    else text[0] = 0;
    return text;
}

}
