#include "base/hash.h"

#include <errno.h>
#include <fcntl.h>
#include <openssl/evp.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "base/memory.h"

struct rt_hash {
    EVP_MD_CTX *context;
};

rt_status rt_hash_create(rt_hash **ret_hash, rt_err *err)
{
    *ret_hash = rt_alloc(1, sizeof **ret_hash, err);
    if (!*ret_hash) return RT_ERR_MEMORY;
    (*ret_hash)->context = EVP_MD_CTX_new();
    if ((*ret_hash)->context && EVP_DigestInit_ex((*ret_hash)->context, EVP_sha256(), NULL) == 1) return RT_OK;
    rt_hash_free(*ret_hash);
    *ret_hash = NULL;
    return rt_fail(err, RT_ERR_UNSUPPORTED, NULL, 0, "the system's OpenSSL offers no SHA-256");
}

void rt_hash_add(rt_hash *hash, const void *bytes, int64_t count)
{
    if (count > 0 && EVP_DigestUpdate(hash->context, bytes, (size_t)count) != 1) RT_BUG("EVP_DigestUpdate failed");
}

void rt_hash_finish(rt_hash *hash, char out_text[RT_HASH_TEXT])
{
    static const char digits[] = "0123456789abcdef";
    unsigned char bytes[EVP_MAX_MD_SIZE];
    unsigned int count = 0;
    if (EVP_DigestFinal_ex(hash->context, bytes, &count) != 1 || count != 32) RT_BUG("EVP_DigestFinal_ex failed");
    for (unsigned int i = 0; i < count; i++) {
        out_text[2 * i] = digits[bytes[i] >> 4];
        out_text[2 * i + 1] = digits[bytes[i] & 15];
    }
    out_text[64] = 0;
    rt_hash_free(hash);
}

void rt_hash_free(rt_hash *hash)
{
    if (!hash) return;
    EVP_MD_CTX_free(hash->context);
    free(hash);
}

rt_status rt_hash_bytes(char out_text[RT_HASH_TEXT], const void *bytes, int64_t count, rt_err *err)
{
    rt_hash *hash;
    rt_status status = rt_hash_create(&hash, err);
    if (status != RT_OK) return status;
    rt_hash_add(hash, bytes, count);
    rt_hash_finish(hash, out_text);
    return RT_OK;
}

rt_status rt_hash_file(char out_text[RT_HASH_TEXT], int64_t *opt_size, const char *path, rt_err *err)
{
    const int64_t piece = 1 << 20;
    rt_status status = RT_OK;
    rt_hash *hash = NULL;
    char *buffer = NULL;
    int64_t size = 0;
    int fd = open(path, O_RDONLY | O_CLOEXEC);
    if (fd < 0) return rt_fail(err, RT_ERR_IO, path, 0, "cannot open: %s", strerror(errno));
    RT_TRY(rt_hash_create(&hash, err));
    RT_TRY_ALLOC(buffer, piece);
    for (;;) {
        ssize_t count = read(fd, buffer, (size_t)piece);
        if (count < 0 && errno == EINTR) continue;
        if (count < 0) RT_TRY(rt_fail(err, RT_ERR_IO, path, 0, "cannot read: %s", strerror(errno)));
        if (count == 0) break;
        rt_hash_add(hash, buffer, count);
        size += count;
    }
    rt_hash_finish(hash, out_text);
    hash = NULL;
    if (opt_size) *opt_size = size;
done:
    rt_hash_free(hash);
    free(buffer);
    close(fd);
    return status;
}
