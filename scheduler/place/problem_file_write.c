/* Writes placements of problem files. */
#include <stdlib.h>

#include "problem_file_parts.h"

/* {"nodes": [id, ...]} of a device. */
static json_t *device_nodes(const davit_problem_file *file, const uint32_t *devices,
                            uint32_t device)
{
    json_t *list = json_array();
    for (uint32_t v = 0; list != NULL && v < file->problem.node_count; v++) {
        if (devices[v] == device && json_array_append(list, file->ids[v]) != 0) {
            json_decref(list);
            list = NULL;
        }
    }
    return list == NULL ? NULL : json_pack("{s:o}", "nodes", list);
}

/* The devices from first on, before end; those without nodes too, so that places are device
 * numbers. */
static json_t *device_list(const davit_problem_file *file, const uint32_t *devices, uint32_t first,
                           uint32_t end)
{
    json_t *list = json_array();
    for (uint32_t d = first; list != NULL && d < end; d++) {
        if (json_array_append_new(list, device_nodes(file, devices, d)) != 0) {
            json_decref(list);
            list = NULL;
        }
    }
    return list;
}

davit_status davit_problem_file_write(const davit_problem_file *file,
                                      const davit_placement *placement,
                                      const davit_diagnostics *diag, char **text)
{
    *text = NULL;
    json_t *certificate =
        placement->certificate == NULL ? json_null() : json_loads(placement->certificate, 0, NULL);
    json_t *fpgas = device_list(file, placement->devices, 0, file->accelerator_count);
    json_t *cpus =
        device_list(file, placement->devices, file->accelerator_count, file->problem.device_count);
    /* Takes its references also when it fails. */
    json_t *root =
        json_pack("{s:o, s:o, s:f, s:f, s:s, s:s, s:o}", "fpgas", fpgas, "cpus", cpus, "objective",
                  placement->objective, "bound", placement->bound, "method", placement->method,
                  "bound_method", placement->bound_method, "certificate", certificate);
    if (root != NULL) {
        *text = json_dumps(root, JSON_INDENT(1) | JSON_REAL_PRECISION(17));
        json_decref(root);
    }
    return *text != NULL ? DAVIT_OK
                         : davit_fail(diag, DAVIT_OUT_OF_MEMORY, "out of memory for a placement");
}
