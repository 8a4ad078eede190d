#include "json.h"

#include <stdio.h>

#include "cli.h"

int cli_print_json(json_t *root)
{
    int failed = root == NULL || json_dumpf(root, stdout, JSON_INDENT(2)) != 0;
    json_decref(root);
    if (failed) {
        fprintf(stderr, "davit: error: out of memory while writing JSON\n");
        return CLI_FAILED;
    }
    printf("\n");
    return CLI_DONE;
}

json_t *cli_json_shape(const davit_tensor_desc *desc)
{
    json_t *shape = json_array();
    for (int i = 0; i < desc->rank; i++) {
        json_array_append_new(shape, json_integer(desc->dims[i]));
    }
    return shape;
}
