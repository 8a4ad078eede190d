#include "shim.h"

#include <errno.h>
#include <fcntl.h>
#include <stdint.h>
#include <stdio.h>
#include <string.h>
#include <unistd.h>

#include "davit/allocator.h"
#include "davit/read_file.h"

enum { ANY = -1, MAX_LIBRARY = 64 << 20 };

/* alloc_void() as Debian's g++ 12 compiles it for x86-64, from `buf = malloc(n)` on. After the call
 * of realloc it returns (75 e6) past the instruction that stores the pointer; seven bytes further
 * back (75 df) it stores it. */
static const int16_t pattern[] = {
    0x48, 0x89, 0x83, ANY,  ANY, 0x00, 0x00, /* mov %rax,buf(%rbx)  <- 75 df leads here */
    0x48, 0x89, 0xe8,                        /* mov %rbp,%rax       <- 75 e6 leads here */
    0xeb, ANY,                               /* jmp: return */
    0x0f, 0x1f, 0x40, 0x00,                  /* nop */
    0x48, 0x8b, 0xbf, ANY,  ANY, 0x00, 0x00, /* mov buf(%rdi),%rdi */
    0xe8, ANY,  ANY,  ANY,  ANY,             /* call realloc */
    0x48, 0x85, 0xc0,                        /* test %rax,%rax */
    0x75, 0xe6,                              /* jne */
    0x48, 0x8b, 0xbb, ANY,  ANY, 0x00, 0x00, /* mov buf(%rbx),%rdi */
    0xe8, ANY,  ANY,  ANY,  ANY,             /* call free */
    0xeb, 0xd8,                              /* jmp */
};
enum { PATTERN = sizeof(pattern) / sizeof(pattern[0]), BRANCH = 31, MENDED = 0xdf };

static bool matches(const uint8_t *at)
{
    for (size_t i = 0; i < PATTERN; i++) {
        if (pattern[i] != ANY && pattern[i] != at[i]) {
            return false;
        }
    }
    return true;
}

/* The place of the pattern, when there is exactly one; else NULL. */
static uint8_t *find_defect(uint8_t *bytes, size_t count)
{
    uint8_t *found = NULL;
    for (size_t i = 0; i + PATTERN <= count; i++) {
        if (bytes[i] == pattern[0] && matches(bytes + i)) {
            if (found != NULL) {
                return NULL;
            }
            found = bytes + i;
        }
    }
    return found;
}

static davit_status write_copy(const char *target, const uint8_t *bytes, size_t count,
                               const davit_diagnostics *diag)
{
    const int file = open(target, O_WRONLY | O_CREAT | O_EXCL | O_CLOEXEC, 0700);
    bool written = file >= 0;
    while (written && count > 0) {
        const ssize_t part = write(file, bytes, count);
        written = part > 0;
        bytes += written ? part : 0;
        count -= written ? (size_t)part : 0;
    }
    if (file >= 0) {
        written = close(file) == 0 && written;
    }
    return written ? DAVIT_OK
                   : davit_fail(diag, DAVIT_IO_ERROR, "%s: cannot be written: %s", target,
                                strerror(errno));
}

davit_status emulation_place_shim(const char *library, const char *target,
                                  const davit_diagnostics *diag)
{
    const davit_allocator *allocator = davit_allocator_default();
    char *bytes;
    size_t count;
    davit_status status = davit_read_file(allocator, library, MAX_LIBRARY, diag, &bytes, &count);
    if (status != DAVIT_OK) {
        return status;
    }
    uint8_t *defect = find_defect((uint8_t *)bytes, count);
    if (defect != NULL) {
        defect[BRANCH + 1] = MENDED;
        status = write_copy(target, (const uint8_t *)bytes, count, diag);
    } else if (symlink(library, target) != 0) {
        status =
            davit_fail(diag, DAVIT_IO_ERROR, "%s: cannot be made: %s", target, strerror(errno));
    }
    davit_free(allocator, bytes);
    return status;
}
