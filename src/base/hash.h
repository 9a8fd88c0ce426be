/* hash.h - SHA-256, as sha256sum prints it
 * Room: base.  Uses: base/status, OpenSSL's EVP.
 */
#ifndef RT_BASE_HASH_H
#define RT_BASE_HASH_H

#include <stdint.h>

#include "base/status.h"

#define RT_HASH_TEXT 65   /* 64 hexadecimal digits and the final zero */

typedef struct rt_hash rt_hash;

/* Piece by piece.  rt_hash_finish writes the digits and frees the hash. */
rt_status rt_hash_create(rt_hash **ret_hash, rt_err *err);
void rt_hash_add(rt_hash *hash, const void *bytes, int64_t count);
void rt_hash_finish(rt_hash *hash, char out_text[RT_HASH_TEXT]);
void rt_hash_free(rt_hash *hash);   /* NULL ok; for a hash that is not finished */

rt_status rt_hash_bytes(char out_text[RT_HASH_TEXT], const void *bytes, int64_t count, rt_err *err);

/* A file's content and, when opt_size is given, its size in bytes.  RT_ERR_IO when it cannot be read. */
rt_status rt_hash_file(char out_text[RT_HASH_TEXT], int64_t *opt_size, const char *path, rt_err *err);

#endif
