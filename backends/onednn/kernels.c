#include "kernels.h"

#include <string.h>

#include "operators.h"

enum { MOST_NAMES = 12 };

/* By the operator and the shape of its weights; the builders know better. */
static size_t list_own(const davit_graph *graph, const davit_node *node, const char *names[3])
{
    const davit_op op = node->op->op;
    const davit_tensor_desc *w = node->input_count > 1 ? davit_node_input(graph, node, 1) : NULL;
    bool grouped = davit_node_int(node, "group", 1) != 1;
    size_t count = 0;
    if (w == NULL || davit_node_constant(graph, node, 1) == NULL) {
        return 0;
    }
    if (op == DAVIT_OP_Conv && w->rank == 4 && grouped) {
        names[count++] = DAVIT_ONEDNN_PRIMITIVE;
        names[count++] = DAVIT_ONEDNN_DEPTHWISE;
        names[count++] = DAVIT_ONEDNN_FUSED;
    } else if (op == DAVIT_OP_Conv && w->rank == 4) {
        bool pointwise = w->dims[2] == 1 && w->dims[3] == 1;
        if (pointwise || (w->dims[2] == 3 && w->dims[3] == 3)) {
            names[count++] = DAVIT_ONEDNN_PRIMITIVE;
            names[count++] = pointwise ? DAVIT_ONEDNN_DENSE : DAVIT_ONEDNN_WINOGRAD;
        }
    } else if (op == DAVIT_OP_Gemm || op == DAVIT_OP_MatMul) {
        names[count++] = DAVIT_ONEDNN_PRIMITIVE;
        names[count++] = DAVIT_ONEDNN_DENSE;
    } else if (op == DAVIT_OP_IntegerConv) {
        names[count++] = DAVIT_ONEDNN_PRIMITIVE;
        names[count++] = grouped ? DAVIT_ONEDNN_LOOPS : DAVIT_ONEDNN_DOT;
        if (grouped) {
            names[count++] = DAVIT_ONEDNN_DEPTHWISE;
        } else if (w->rank == 4 && w->dims[2] == 3 && w->dims[3] == 3) {
            names[count++] = DAVIT_ONEDNN_WINOGRAD;
        }
    } else if (op == DAVIT_OP_IntegerMatMul) {
        names[count++] = DAVIT_ONEDNN_PRIMITIVE;
        names[count++] = DAVIT_ONEDNN_DOT;
    }
    return count;
}

/* The same names on one thread. */
static const char *alone(const char *name)
{
    static const char *const names[] = {
        DAVIT_ONEDNN_PRIMITIVE DAVIT_ONE_THREAD, DAVIT_ONEDNN_WINOGRAD DAVIT_ONE_THREAD,
        DAVIT_ONEDNN_DENSE DAVIT_ONE_THREAD,     DAVIT_ONEDNN_DOT DAVIT_ONE_THREAD,
        DAVIT_ONEDNN_LOOPS DAVIT_ONE_THREAD,     DAVIT_ONEDNN_DEPTHWISE DAVIT_ONE_THREAD,
        DAVIT_ONEDNN_FUSED DAVIT_ONE_THREAD};
    size_t i = 0;
    while (strncmp(names[i], name, strlen(name)) != 0) {
        i++;
    }
    return names[i];
}

size_t davit_onednn_kernels(const davit_graph *graph, const davit_unit *unit, const char **names,
                            size_t capacity)
{
    const char *own[3], *all[MOST_NAMES];
    size_t own_count = list_own(graph, &graph->nodes[unit->anchor], own), count = 0;
    all[count++] = DAVIT_ONE_THREAD;
    for (size_t i = 0; i < own_count; i++) {
        all[count++] = own[i];
        all[count++] = alone(own[i]);
    }
    for (size_t i = 0; i < count && i < capacity; i++) {
        names[i] = all[i];
    }
    return count;
}

const char *davit_onednn_kernel_of(const davit_program_spec *spec, size_t position)
{
    const char *wanted = spec->kernels != NULL ? spec->kernels[position] : NULL;
    const char *names[MOST_NAMES];
    if (wanted == NULL) {
        return NULL;
    }
    size_t count = davit_onednn_kernels(spec->graph, &spec->graph->units[spec->units[position]],
                                        names, MOST_NAMES);
    for (size_t i = 0; i < count; i++) {
        if (strcmp(names[i], wanted) == 0) {
            return names[i];
        }
    }
    return NULL;
}

bool davit_onednn_is_alone(const char *kernel)
{
    return kernel != NULL && strchr(kernel, DAVIT_ONE_THREAD[0]) != NULL;
}

bool davit_onednn_picks(const davit_onednn_builder *builder, const char *kernel, bool rule)
{
    size_t length = strlen(kernel);
    const char *chosen = builder->kernel;
    const size_t fused = sizeof(DAVIT_ONEDNN_FUSED) - 1; /* outside of a group it is no kernel */
    if (chosen == NULL || chosen[0] == DAVIT_ONE_THREAD[0] ||
        strncmp(chosen, DAVIT_ONEDNN_FUSED, fused) == 0) {
        return rule;
    }
    return strncmp(chosen, kernel, length) == 0 &&
           (chosen[length] == '\0' || chosen[length] == DAVIT_ONE_THREAD[0]);
}
