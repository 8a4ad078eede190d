/* The xclbin reader on any bytes: no crash, exactly one error when it refuses, and what it accepts
 * has no index without an element. */
#include <stdlib.h>
#include <string.h>

#include "davit/xclbin.h"
#include "fuzz.h"

static void must(bool holds)
{
    if (!holds) {
        abort();
    }
}

static void check(const davit_xclbin *x)
{
    size_t length = strlen(x->platform);
    for (size_t i = 0; i < x->kernel_count; i++) {
        length += strlen(x->kernels[i].name);
        for (size_t j = 0; j < x->kernels[i].argument_count; j++) {
            length += strlen(x->kernels[i].arguments[j].name);
        }
    }
    for (size_t i = 0; i < x->compute_unit_count; i++) {
        length += strlen(x->compute_units[i].name);
        must(x->compute_units[i].kernel < x->kernel_count);
    }
    for (size_t i = 0; i < x->connection_count; i++) {
        must(x->connections[i].compute_unit < x->compute_unit_count);
        must(x->connections[i].bank < x->bank_count);
    }
    for (size_t i = 0; i < x->bank_count; i++) {
        length += strlen(x->banks[i].name);
        must(x->banks[i].base_address + x->banks[i].bytes >= x->banks[i].base_address);
    }
    for (size_t i = 0; i < x->clock_count; i++) {
        length += strlen(x->clocks[i].name);
    }
    for (size_t i = 0; i < x->bitstream_bytes; i += 4096) {
        length += x->bitstream[i];
    }
    must(length < SIZE_MAX);
}

int LLVMFuzzerTestOneInput(const uint8_t *bytes, size_t count)
{
    davit_diagnostics_buffer diag;
    davit_diagnostics_buffer_init(&diag);
    davit_arena arena;
    davit_arena_init(&arena, davit_allocator_default());
    davit_xclbin x;
    const davit_status status = davit_xclbin_read(&arena, "f", bytes, count, &diag.sink, &x);
    must(diag.error_count == (status != DAVIT_OK) && diag.status == status);
    if (status == DAVIT_OK) {
        check(&x);
    }
    davit_arena_clear(&arena);
    return 0;
}
