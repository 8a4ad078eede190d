/* Runs a fuzz target without an engine: on every file of a folder, then on seeded mutations of
 * them.
 *
 * NAME FOLDER [MUTATIONS [SEED]] */
#include <dirent.h>
#include <stdbool.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "fuzz.h"
#include "unit_test.h"

enum { MAX_FILES = 1000, MAX_BYTES = 1 << 20 };

typedef struct input {
    uint8_t *bytes;
    size_t count;
} input;

static input inputs[MAX_FILES];
static size_t input_count;

static bool read_input(const char *folder, const char *name)
{
    char path[4096];
    (void)snprintf(path, sizeof(path), "%s/%s", folder, name);
    FILE *file = fopen(path, "rb");
    uint8_t *bytes = malloc(MAX_BYTES);
    if (file == NULL || bytes == NULL || input_count == MAX_FILES) {
        fprintf(stderr, "%s: cannot be read\n", path);
        return false;
    }
    const size_t count = fread(bytes, 1, MAX_BYTES, file);
    (void)fclose(file);
    inputs[input_count++] = (input){bytes, count};
    return true;
}

static bool read_folder(const char *folder)
{
    DIR *listing = opendir(folder);
    bool read = listing != NULL;
    for (struct dirent *entry; read && (entry = readdir(listing)) != NULL;) {
        read = entry->d_name[0] == '.' || read_input(folder, entry->d_name);
    }
    if (listing != NULL) {
        (void)closedir(listing);
    }
    return read && input_count > 0;
}

/* A block of its own, so that tools see what is read behind its end. */
static void run(const uint8_t *bytes, size_t count)
{
    uint8_t *copy = malloc(count + (count == 0));
    if (copy != NULL) {
        memcpy(copy, bytes, count);
        (void)LLVMFuzzerTestOneInput(copy, count);
        free(copy);
    }
}

/* One to eight changes: a bit, a byte, an interesting number, a cut, a copied piece. */
static size_t mutate(uint8_t *bytes, size_t count, uint64_t *random)
{
    static const uint64_t numbers[] = {
        0, 1, 0x7f, 0xff, 0xffff, 0x7fffffff, 0xffffffff, UINT64_MAX, (uint64_t)1 << 63};
    for (uint64_t changes = 1 + test_random_below(random, 8); changes > 0 && count > 8; changes--) {
        const size_t at = (size_t)test_random_below(random, count - 8);
        const size_t from = (size_t)test_random_below(random, count - 8);
        switch (test_random_below(random, 5)) {
        case 0:
            bytes[at] ^= (uint8_t)(1u << test_random_below(random, 8));
            break;
        case 1:
            bytes[at] = (uint8_t)test_random(random);
            break;
        case 2:
            memcpy(bytes + at, &numbers[test_random_below(random, 9)],
                   (size_t)1 << test_random_below(random, 4));
            break;
        case 3:
            count -= (size_t)test_random_below(random, count / 4 + 1);
            break;
        default:
            memmove(bytes + at, bytes + from, 8);
        }
    }
    return count;
}

int main(int argc, char **argv)
{
    if (argc < 2 || !read_folder(argv[1])) {
        fprintf(stderr, "usage: %s FOLDER [MUTATIONS [SEED]]\n", argv[0]);
        return 2;
    }
    for (size_t i = 0; i < input_count; i++) {
        run(inputs[i].bytes, inputs[i].count);
    }
    const unsigned long mutations = argc > 2 ? strtoul(argv[2], NULL, 10) : 0;
    uint64_t random = argc > 3 ? strtoull(argv[3], NULL, 10) : 1;
    uint8_t *bytes = malloc(MAX_BYTES);
    for (unsigned long i = 0; bytes != NULL && i < mutations; i++) {
        const input *from = &inputs[test_random_below(&random, input_count)];
        memcpy(bytes, from->bytes, from->count);
        run(bytes, mutate(bytes, from->count, &random));
    }
    printf("%zu inputs, %lu mutations\n", input_count, mutations);
    free(bytes);
    for (size_t i = 0; i < input_count; i++) {
        free(inputs[i].bytes);
    }
    return 0;
}
