#include "scratch.h"

/* Stands before the memory that a kernel gets. */
typedef struct davit_scratch_block {
    struct davit_scratch_block *next;
    size_t bytes;
    bool taken;
} davit_scratch_block;

_Static_assert(sizeof(davit_scratch_block) <= DAVIT_ALIGNMENT, "a block's head is one alignment");

/* The smallest idle block that is large enough. */
static davit_scratch_block *find_idle(const davit_scratch *scratch, size_t bytes)
{
    davit_scratch_block *best = NULL;
    for (davit_scratch_block *block = scratch->blocks; block != NULL; block = block->next) {
        if (!block->taken && block->bytes >= bytes &&
            (best == NULL || block->bytes < best->bytes)) {
            best = block;
        }
    }
    return best;
}

static davit_scratch_block *add_block(davit_scratch *scratch, size_t bytes)
{
    size_t total;
    if (!davit_add_size(bytes, DAVIT_ALIGNMENT, &total)) {
        return NULL;
    }
    davit_scratch_block *block = davit_alloc_uninitialized(scratch->from, total);
    if (block != NULL) {
        block->bytes = bytes;
        block->next = scratch->blocks;
        scratch->blocks = block;
    }
    return block;
}

static void *scratch_alloc(void *self, size_t bytes, size_t alignment)
{
    davit_scratch *scratch = self;
    davit_scratch_block *block = find_idle(scratch, bytes);
    if (block == NULL && alignment <= DAVIT_ALIGNMENT) {
        block = add_block(scratch, bytes);
    }
    if (block == NULL) {
        return NULL;
    }
    block->taken = true;
    return (char *)block + DAVIT_ALIGNMENT;
}

static void scratch_free(void *self, void *pointer)
{
    (void)self;
    if (pointer != NULL) {
        davit_scratch_block *block = (void *)((char *)pointer - DAVIT_ALIGNMENT);
        block->taken = false;
    }
}

void davit_scratch_init(davit_scratch *scratch, const davit_allocator *from)
{
    scratch->allocator = (davit_allocator){scratch_alloc, scratch_free, scratch};
    scratch->from = from;
    scratch->blocks = NULL;
}

void davit_scratch_clear(davit_scratch *scratch)
{
    while (scratch->blocks != NULL) {
        davit_scratch_block *next = scratch->blocks->next;
        davit_free(scratch->from, scratch->blocks);
        scratch->blocks = next;
    }
}
