/* JSON on standard output, through Jansson. */
#ifndef DAVIT_CLI_JSON_H
#define DAVIT_CLI_JSON_H

#include <jansson.h>

#include <davit/tensor.h>

/* Prints and releases root (NULL: out of memory). Returns an exit code. */
int cli_print_json(json_t *root);

/* [1, 3, 224, 224] */
json_t *cli_json_shape(const davit_tensor_desc *desc);

#endif
