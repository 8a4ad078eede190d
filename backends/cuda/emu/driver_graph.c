#include "driver.h"

#include <stdlib.h>
#include <string.h>

/* Graphs of kernels and records of events. Nodes are run in the order in which they were added,
 * which respects every dependency: a node depends on nodes that exist. */

typedef struct graph_list {
    cuda_graph_node first, last;
} graph_list;

struct cuda_graph_node_object {
    emu_call *launch; /* or */
    cuda_event event;
    cuda_graph_node next;
};

struct cuda_graph_object {
    emu_object head;
    graph_list nodes;
};

struct cuda_graph_exec_object {
    emu_object head;
    unsigned
        references; /* its owner's, and of launches that are not over; under the device's lock */
    graph_list nodes;
};

static cuda_graph_node append(graph_list *list, emu_call *launch, cuda_event event)
{
    cuda_graph_node node = calloc(1, sizeof(*node));
    if (node != NULL) {
        *node = (struct cuda_graph_node_object){.launch = launch, .event = event};
        if (event != NULL) {
            event->references++;
        }
        if (list->first == NULL) {
            list->first = node;
        } else {
            list->last->next = node;
        }
        list->last = node;
    }
    return node;
}

/* The device is locked. */
static void clear(graph_list *list)
{
    while (list->first != NULL) {
        cuda_graph_node node = list->first;
        list->first = node->next;
        if (node->event != NULL) {
            emu_event_release(node->event);
        }
        free(node->launch);
        free(node);
    }
}

cuda_result emu_graph_create(cuda_graph *graph, unsigned flags)
{
    cuda_result result;
    emu_device *device = emu_current(&result);
    if (device == NULL) {
        return result;
    }
    cuda_graph made = flags == 0 ? calloc(1, sizeof(*made)) : NULL;
    if (made != NULL) {
        emu_keep(device, &made->head);
        *graph = made;
    }
    emu_unlock(device);
    return made != NULL ? CUDA_RESULT_SUCCESS : CUDA_RESULT_OUT_OF_MEMORY;
}

cuda_result emu_graph_destroy(cuda_graph graph)
{
    cuda_result result;
    emu_device *device = emu_current_to_free(&result);
    if (device == NULL) {
        return result;
    }
    clear(&graph->nodes);
    emu_forget(device, &graph->head);
    free(graph);
    emu_unlock(device);
    return result;
}

static bool has_node(cuda_graph graph, cuda_graph_node node)
{
    cuda_graph_node n = graph->nodes.first;
    while (n != NULL && n != node) {
        n = n->next;
    }
    return n != NULL;
}

static bool depends_rightly(cuda_graph graph, const cuda_graph_node *after, size_t after_count)
{
    bool right = true;
    for (size_t i = 0; i < after_count; i++) {
        right = right && has_node(graph, after[i]);
    }
    return right;
}

cuda_result emu_graph_add_kernel(cuda_graph_node *node, cuda_graph graph,
                                 const cuda_graph_node *after, size_t after_count,
                                 const cuda_kernel_node_params *params)
{
    cuda_result result;
    emu_device *device = emu_current(&result);
    if (device == NULL) {
        return result;
    }
    emu_call *launch = NULL;
    result = depends_rightly(graph, after, after_count) && params->extra == NULL
                 ? emu_prepare(params->function, params->grid, params->block, params->shared_bytes,
                               params->arguments, &launch)
                 : CUDA_RESULT_INVALID_VALUE;
    if (result == CUDA_RESULT_SUCCESS) {
        *node = append(&graph->nodes, launch, NULL);
        if (*node == NULL) {
            free(launch);
            result = CUDA_RESULT_OUT_OF_MEMORY;
        }
    }
    emu_unlock(device);
    return result;
}

cuda_result emu_graph_add_event_record(cuda_graph_node *node, cuda_graph graph,
                                       const cuda_graph_node *after, size_t after_count,
                                       cuda_event event)
{
    cuda_result result;
    emu_device *device = emu_current(&result);
    if (device == NULL) {
        return result;
    }
    result = CUDA_RESULT_INVALID_VALUE;
    if (depends_rightly(graph, after, after_count)) {
        *node = append(&graph->nodes, NULL, event);
        result = *node != NULL ? CUDA_RESULT_SUCCESS : CUDA_RESULT_OUT_OF_MEMORY;
    }
    emu_unlock(device);
    return result;
}

/* Instantiating takes the nodes' contents: Davit destroys the graph right after. A graph that is
 * instantiated twice is refused, which a real driver allows. */
cuda_result emu_graph_instantiate(cuda_graph_exec *exec, cuda_graph graph, unsigned long long flags)
{
    cuda_result result;
    emu_device *device = emu_current(&result);
    if (device == NULL) {
        return result;
    }
    cuda_graph_exec made = NULL;
    result = CUDA_RESULT_INVALID_VALUE;
    if (flags == 0 && graph->nodes.first != NULL) {
        made = calloc(1, sizeof(*made));
        result = made != NULL ? CUDA_RESULT_SUCCESS : CUDA_RESULT_OUT_OF_MEMORY;
    }
    if (made != NULL) {
        made->references = 1;
        made->nodes = graph->nodes;
        graph->nodes = (graph_list){NULL, NULL};
        emu_keep(device, &made->head);
        *exec = made;
    }
    emu_unlock(device);
    return result;
}

/* The device is locked. */
static void release(emu_device *device, cuda_graph_exec exec)
{
    exec->references--;
    if (exec->references == 0) {
        clear(&exec->nodes);
        emu_forget(device, &exec->head);
        free(exec);
    }
}

cuda_result emu_graph_exec_destroy(cuda_graph_exec exec)
{
    cuda_result result;
    emu_device *device = emu_current_to_free(&result);
    if (device == NULL) {
        return result;
    }
    release(device, exec);
    emu_unlock(device);
    return result;
}

cuda_result emu_graph_launch(cuda_graph_exec exec, cuda_stream stream)
{
    cuda_result result;
    const emu_work work = {.kind = EMU_GRAPH, .graph = exec};
    emu_device *device = emu_current(&result);
    if (device == NULL) {
        return result;
    }
    result = emu_append(stream, &work);
    if (result == CUDA_RESULT_SUCCESS) {
        exec->references++;
        for (cuda_graph_node n = exec->nodes.first; n != NULL; n = n->next) {
            if (n->event != NULL) {
                n->event->pending++;
                n->event->references++;
                n->event->recorded = true;
            }
        }
    }
    emu_unlock(device);
    return result;
}

void emu_run_graph(emu_device *device, cuda_graph_exec exec)
{
    for (cuda_graph_node n = exec->nodes.first; n != NULL; n = n->next) {
        if (n->event != NULL) {
            pthread_mutex_lock(&device->mutex);
            emu_event_reach(n->event);
            pthread_mutex_unlock(&device->mutex);
        } else if (atomic_load(&device->sticky) == CUDA_RESULT_SUCCESS) {
            emu_run(device, n->launch);
        }
    }
    pthread_mutex_lock(&device->mutex);
    release(device, exec);
    pthread_mutex_unlock(&device->mutex);
}
