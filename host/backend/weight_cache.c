#define _GNU_SOURCE /* mkostemp, MADV_HUGEPAGE */
#include "davit/weight_cache.h"

#include <errno.h>
#include <fcntl.h>
#include <linux/magic.h>
#include <pthread.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/stat.h>
#include <sys/vfs.h>
#include <unistd.h>

#include "weight_folder.h"
#include "weight_key.h"

#define LEAST_BYTES ((size_t)32 << 20) /* of constants that are worth a file */
#define MAGIC "davit-weights-1"
#define PAGE_BYTES ((uint64_t)4096)
#define PIECE_BYTES ((uint64_t)1 << 20) /* hashed and written at once */

/* A file: this, an entry for each block, and from a page on the blocks, each aligned. */
typedef struct header {
    char magic[16];
    uint64_t key[2];
    uint64_t block_count, file_bytes;
    uint64_t content[2]; /* hash of entries and blocks */
    uint64_t own[2];     /* hash of the above */
} header;

typedef struct entry {
    char what[8];
    uint64_t bytes;
} entry;

typedef struct block {
    const void *data;
    entry entry;
} block;

struct davit_weight_cache {
    const davit_allocator *allocator;
    const davit_diagnostics *diag;
    char folder[DAVIT_WEIGHT_PATH_BYTES], path[DAVIT_WEIGHT_PATH_BYTES];
    davit_hash_key secret;
    uint64_t key[2];
    char *map; /* NULL: not found */
    size_t map_bytes;
    uint64_t next, at; /* block to be taken, and where it is */
    block *blocks;     /* that were made */
    size_t block_count, block_capacity;
    bool missed;     /* a block was not what was asked for */
    bool incomplete; /* what was made is not to be kept */
    bool writing;
    bool written; /* of the writer, until it is joined */
    pthread_t writer;
};

static uint64_t aligned(uint64_t bytes, uint64_t alignment)
{
    return (bytes + alignment - 1) / alignment * alignment;
}

static uint64_t data_begin(uint64_t block_count)
{
    return aligned(sizeof(header) + block_count * sizeof(entry), PAGE_BYTES);
}

static void hash_header(const davit_weight_cache *cache, const header *head, uint64_t value[2])
{
    davit_content_hash hash = davit_content_hash_start(&cache->secret);
    davit_content_hash_add(&hash, head, offsetof(header, own));
    memcpy(value, hash.value, sizeof(hash.value));
}

static uint64_t piece_bytes(const block *b, uint64_t at)
{
    uint64_t left = b->entry.bytes - at;
    return left < PIECE_BYTES ? left : PIECE_BYTES;
}

/* ---- reading ---- */

/* Goes through all blocks of the mapping. */
static bool is_whole(const davit_weight_cache *cache)
{
    const header *head = (const header *)cache->map;
    const entry *entries = (const entry *)(cache->map + sizeof(*head));
    uint64_t own[2];
    hash_header(cache, head, own);
    if (memcmp(head->magic, MAGIC, sizeof(MAGIC)) != 0 ||
        memcmp(own, head->own, sizeof(own)) != 0 ||
        memcmp(head->key, cache->key, sizeof(head->key)) != 0 ||
        head->file_bytes != cache->map_bytes ||
        head->block_count > (cache->map_bytes - sizeof(*head)) / sizeof(*entries)) {
        return false;
    }
    davit_content_hash hash = davit_content_hash_start(&cache->secret);
    davit_content_hash_add(&hash, entries, (size_t)head->block_count * sizeof(*entries));
    uint64_t at = data_begin(head->block_count);
    for (uint64_t i = 0; i < head->block_count; i++) {
        if (at > cache->map_bytes || entries[i].bytes > cache->map_bytes - at) {
            return false;
        }
        const block b = {.data = cache->map + at, .entry = entries[i]};
        for (uint64_t done = 0; done < b.entry.bytes; done += PIECE_BYTES) {
            davit_content_hash_add(&hash, (const char *)b.data + done,
                                   (size_t)piece_bytes(&b, done));
        }
        at = aligned(at + b.entry.bytes, DAVIT_ALIGNMENT);
    }
    return memcmp(hash.value, head->content, sizeof(hash.value)) == 0;
}

/* True where no other machine, and no program of the user's, serves the file. */
static bool is_local(int file)
{
    static const unsigned long local[] = {EXT4_SUPER_MAGIC, XFS_SUPER_MAGIC, BTRFS_SUPER_MAGIC,
                                          F2FS_SUPER_MAGIC, TMPFS_MAGIC,     OVERLAYFS_SUPER_MAGIC};
    struct statfs system;
    if (fstatfs(file, &system) != 0) {
        return false;
    }
    for (size_t i = 0; i < sizeof(local) / sizeof(local[0]); i++) {
        if ((unsigned long)system.f_type == local[i]) {
            return true;
        }
    }
    return false;
}

/* The bytes of a file in memory of its own; those that it lacks are zeros. NULL: it cannot be read.
 */
static char *read_all(int file, size_t bytes)
{
    char *memory = mmap(NULL, bytes, PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);
    if (memory == MAP_FAILED) {
        return NULL;
    }
    (void)madvise(memory, bytes, MADV_HUGEPAGE);
    for (size_t done = 0; done < bytes;) {
        ssize_t count = pread(file, memory + done, bytes - done, (off_t)done);
        if (count == 0) {
            break;
        }
        if (count < 0 && errno != EINTR) {
            (void)munmap(memory, bytes);
            return NULL;
        }
        done += count > 0 ? (size_t)count : 0;
    }
    return memory;
}

/* A mapping of a file that is gone from another machine raises SIGBUS: such files are read. */
static char *map_or_read(int file, size_t bytes)
{
    if (!is_local(file)) {
        return read_all(file, bytes);
    }
    void *mapped = mmap(NULL, bytes, PROT_READ, MAP_PRIVATE | MAP_POPULATE, file, 0);
    return mapped != MAP_FAILED ? mapped : NULL;
}

/* Maps the file where there is one. */
static void map(davit_weight_cache *cache)
{
    struct stat info;
    int file = open(cache->path, O_RDONLY | O_CLOEXEC | O_NOFOLLOW | O_NONBLOCK);
    if (file < 0) {
        return;
    }
    if (fstat(file, &info) != 0 || !S_ISREG(info.st_mode) || !davit_weight_folder_trusts(&info)) {
        (void)close(file);
        return;
    }
    cache->map_bytes = (size_t)info.st_size;
    if (cache->map_bytes > sizeof(header)) {
        cache->map = map_or_read(file, cache->map_bytes);
    }
    if (cache->map_bytes <= sizeof(header) || (cache->map != NULL && !is_whole(cache))) {
        davit_log(cache->diag, DAVIT_WARNING, "%s: damaged; weights are packed again", cache->path);
        if (cache->map != NULL) {
            (void)munmap(cache->map, cache->map_bytes);
        }
        cache->map = NULL;
        (void)unlink(cache->path);
    }
    if (cache->map != NULL) {
        cache->at = data_begin(((const header *)cache->map)->block_count);
        (void)futimens(file, NULL); /* used now */
    }
    (void)close(file);
}

davit_status davit_weight_cache_open(const davit_allocator *allocator,
                                     const davit_diagnostics *diag, const davit_program_spec *spec,
                                     const char *depends, const void *library,
                                     davit_weight_cache **out)
{
    char folder[DAVIT_WEIGHT_PATH_BYTES];
    *out = NULL;
    if (davit_weight_constant_bytes(spec) < LEAST_BYTES || davit_weight_folder_limit() == 0 ||
        !davit_weight_folder_find(folder)) {
        return DAVIT_OK;
    }
    davit_weight_cache *cache = davit_alloc(allocator, sizeof(*cache));
    if (cache == NULL) {
        return davit_fail(diag, DAVIT_OUT_OF_MEMORY, "no memory for packed weights");
    }
    cache->allocator = allocator;
    cache->diag = diag;
    memcpy(cache->folder, folder, sizeof(folder));
    davit_content_hash hash = davit_content_hash_start(&cache->secret);
    davit_status status = davit_weight_folder_open(folder, &cache->secret)
                              ? davit_weight_key_add(allocator, spec, depends, library, &hash)
                              : DAVIT_UNAVAILABLE;
    if (status != DAVIT_OK || !davit_weight_folder_file(folder, hash.value, cache->path)) {
        davit_free(allocator, cache);
        if (status == DAVIT_OUT_OF_MEMORY) {
            return davit_fail(diag, status, "no memory for packed weights");
        }
        davit_log(diag, DAVIT_DEBUG, "%s: no packed weights are kept there", folder);
        return DAVIT_OK;
    }
    memcpy(cache->key, hash.value, sizeof(hash.value));
    map(cache);
    davit_log(diag, DAVIT_INFO, "packed weights %s %s", cache->map != NULL ? "from" : "go to",
              cache->path);
    *out = cache;
    return DAVIT_OK;
}

bool davit_weight_cache_found(const davit_weight_cache *cache)
{
    return cache != NULL && cache->map != NULL && !cache->missed;
}

static entry entry_of(const char *what, size_t bytes)
{
    entry e = {.bytes = bytes};
    memcpy(e.what, what, strnlen(what, sizeof(e.what)));
    return e;
}

const void *davit_weight_cache_take(davit_weight_cache *cache, const char *what, size_t bytes)
{
    if (!davit_weight_cache_found(cache)) {
        return NULL;
    }
    const header *head = (const header *)cache->map;
    const entry *entries = (const entry *)(cache->map + sizeof(*head));
    const entry asked = entry_of(what, bytes);
    if (cache->next >= head->block_count ||
        memcmp(&entries[cache->next], &asked, sizeof(asked)) != 0) {
        cache->missed = true; /* what was made now is kept by the next start */
        (void)unlink(cache->path);
        return NULL;
    }
    const void *found = cache->map + cache->at;
    cache->at = aligned(cache->at + entries[cache->next++].bytes, DAVIT_ALIGNMENT);
    return found;
}

/* ---- writing ---- */

void davit_weight_cache_add(davit_weight_cache *cache, const char *what, const void *data,
                            size_t bytes)
{
    if (cache == NULL || cache->map != NULL) {
        return;
    }
    if (davit_array_grow(cache->allocator, (void **)&cache->blocks, &cache->block_capacity,
                         cache->block_count, cache->block_count + 1,
                         sizeof(*cache->blocks)) != DAVIT_OK) {
        cache->incomplete = true;
        return;
    }
    cache->blocks[cache->block_count++] = (block){.data = data, .entry = entry_of(what, bytes)};
}

static bool write_at(int file, const void *data, uint64_t bytes, uint64_t at)
{
    for (uint64_t done = 0; done < bytes;) {
        ssize_t count =
            pwrite(file, (const char *)data + done, (size_t)(bytes - done), (off_t)(at + done));
        if (count <= 0 && !(count < 0 && errno == EINTR)) {
            return false;
        }
        done += count > 0 ? (uint64_t)count : 0;
    }
    return true;
}

static bool write_block(int file, const block *b, uint64_t at, davit_content_hash *hash)
{
    for (uint64_t done = 0; done < b->entry.bytes; done += PIECE_BYTES) {
        const char *piece = (const char *)b->data + done;
        uint64_t bytes = piece_bytes(b, done);
        if (!write_at(file, piece, bytes, at + done)) {
            return false;
        }
        davit_content_hash_add(hash, piece, (size_t)bytes);
    }
    return true;
}

static uint64_t file_bytes(const davit_weight_cache *cache)
{
    uint64_t end = data_begin(cache->block_count), at = end;
    for (size_t i = 0; i < cache->block_count; i++) {
        end = at + cache->blocks[i].entry.bytes;
        at = aligned(end, DAVIT_ALIGNMENT);
    }
    return end;
}

/* The header comes last: until then a file is damaged. */
static bool write_file(const davit_weight_cache *cache, int file)
{
    header head = {.magic = MAGIC,
                   .key = {cache->key[0], cache->key[1]},
                   .block_count = cache->block_count,
                   .file_bytes = file_bytes(cache)};
    davit_content_hash hash = davit_content_hash_start(&cache->secret);
    entry *entries =
        davit_alloc_array(davit_allocator_default(), cache->block_count, sizeof(*entries));
    bool written = entries != NULL;
    for (size_t i = 0; i < cache->block_count && written; i++) {
        entries[i] = cache->blocks[i].entry;
    }
    uint64_t at = data_begin(cache->block_count);
    size_t entry_bytes = cache->block_count * sizeof(*entries);
    if (written) {
        davit_content_hash_add(&hash, entries, entry_bytes);
        written = write_at(file, entries, entry_bytes, sizeof(head));
    }
    for (size_t i = 0; i < cache->block_count && written; i++) {
        written = write_block(file, &cache->blocks[i], at, &hash);
        at = aligned(at + cache->blocks[i].entry.bytes, DAVIT_ALIGNMENT);
    }
    davit_free(davit_allocator_default(), entries);
    memcpy(head.content, hash.value, sizeof(head.content));
    hash_header(cache, &head, head.own);
    return written && write_at(file, &head, sizeof(head), 0);
}

static void *keep_file(void *user)
{
    davit_weight_cache *cache = user;
    char temporary[DAVIT_WEIGHT_PATH_BYTES + 8];
    bool room = davit_weight_folder_make_room(cache->folder, file_bytes(cache));
    (void)snprintf(temporary, sizeof(temporary), "%s.XXXXXX", cache->path);
    int file = room ? mkostemp(temporary, O_CLOEXEC) : -1;
    bool written = file >= 0 && write_file(cache, file);
    if (file >= 0) {
        written = close(file) == 0 && written && rename(temporary, cache->path) == 0;
        if (!written) {
            (void)unlink(temporary);
        }
    }
    cache->written = written;
    return NULL;
}

void davit_weight_cache_drop(davit_weight_cache *cache)
{
    if (cache != NULL) {
        cache->incomplete = true;
    }
}

void davit_weight_cache_keep(davit_weight_cache *cache)
{
    sigset_t all, before;
    if (cache == NULL || cache->map != NULL || cache->incomplete || cache->block_count == 0) {
        return;
    }
    sigfillset(&all); /* signals are the host program's */
    pthread_sigmask(SIG_SETMASK, &all, &before);
    cache->writing = pthread_create(&cache->writer, NULL, keep_file, cache) == 0;
    pthread_sigmask(SIG_SETMASK, &before, NULL);
}

void davit_weight_cache_close(davit_weight_cache *cache)
{
    if (cache == NULL) {
        return;
    }
    if (cache->writing) {
        pthread_join(cache->writer, NULL);
        davit_log(cache->diag, DAVIT_DEBUG, "%s: %s", cache->path,
                  cache->written ? "packed weights were kept" : "cannot be written");
    }
    if (cache->map != NULL) {
        (void)munmap(cache->map, cache->map_bytes);
    }
    davit_free(cache->allocator, cache->blocks);
    davit_free(cache->allocator, cache);
}
