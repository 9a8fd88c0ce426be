/* embed.h - a file of the project as part of the program
 * Room: base.  Uses: nothing.
 */
#ifndef RT_BASE_EMBED_H
#define RT_BASE_EMBED_H

/* Declares `name`, the file's bytes and a final zero, and `name`_end, where the zero is.  The path counts from the project's
 * folder, where builds run; the Makefile says that the object is made again when the file changes. */
#define RT_EMBED(name, file)           \
    __asm__(".section .rodata\n"       \
            #name ":\n"                \
            ".incbin \"" file "\"\n"   \
            #name "_end:\n"            \
            ".byte 0\n"                \
            ".previous\n");            \
    extern const char name[], name##_end[]

#endif
