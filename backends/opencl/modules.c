#include "modules.h"

#include <string.h>

#define VECTOR(rows, columns)                                                                      \
    {                                                                                              \
        "product_vector",                                                                          \
            "-DROWS=" #rows " -DCOLUMNS=" #columns " -DNAME_S8=product_s8_v" #rows "x" #columns    \
            " -DNAME_F32=product_f32_v" #rows "x" #columns,                                        \
            "product_s8_v" #rows "x" #columns " product_f32_v" #rows "x" #columns                  \
    }

const davit_opencl_module davit_opencl_modules[] = {
    VECTOR(1, 64),
    VECTOR(4, 32),
    VECTOR(4, 64),
    VECTOR(8, 64),
    {"product", "", "product_s8 product_f32"},
    {"direct", "", "direct_"},
    {"matmul", "", "matmul_"},
    {"move", "", "move_ fill_ where_ gather_ resize_nearest_"},
    {"elementwise", "", "unary_ binary_ compare_ not_ cast"},
    {"integer", "", "integer_ lookup quantize_ dequantize_"},
    {"image", "", "pool_ resize_linear_"},
    {"rows", "", "reduce_ softmax_ layer_norm_ instance_norm_"}};
const size_t davit_opencl_module_count =
    sizeof(davit_opencl_modules) / sizeof(davit_opencl_modules[0]);

/* True when a word of the list begins the name. */
static bool begins_with_any(const char *name, const char *prefixes)
{
    while (*prefixes != '\0') {
        size_t length = strcspn(prefixes, " ");
        if (strncmp(name, prefixes, length) == 0) {
            return true;
        }
        prefixes += length + strspn(prefixes + length, " ");
    }
    return false;
}

size_t davit_opencl_module_of(const char *kernel)
{
    size_t i = 0;
    while (i < davit_opencl_module_count &&
           !begins_with_any(kernel, davit_opencl_modules[i].kernels)) {
        i++;
    }
    return i;
}

static const davit_embedded_file *find(const char *name)
{
    for (size_t i = 0; i < davit_opencl_sources_count; i++) {
        if (strcmp(davit_opencl_sources[i].name, name) == 0) {
            return &davit_opencl_sources[i];
        }
    }
    return NULL;
}

size_t davit_opencl_module_parts(const davit_opencl_module *module, const char **texts,
                                 size_t *lengths)
{
    const char *const names[] = {"prelude", "gpu_product", "params", "arithmetic", module->file};
    size_t count = 0;
    for (size_t i = 0; i < sizeof(names) / sizeof(names[0]); i++) {
        const davit_embedded_file *file = find(names[i]);
        if (file != NULL) {
            texts[count] = (const char *)file->text;
            lengths[count++] = file->bytes;
        }
    }
    return count;
}
