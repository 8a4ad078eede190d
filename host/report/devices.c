/* Devices of the plan. */
#include <math.h>
#include <string.h>

#include "report_parts.h"

static const char *kind_name(davit_device_kind kind)
{
    static const char *const names[] = {[DAVIT_DEVICE_CPU] = "cpu",
                                        [DAVIT_DEVICE_GPU] = "gpu",
                                        [DAVIT_DEVICE_FPGA] = "fpga",
                                        [DAVIT_DEVICE_REFERENCE] = "reference",
                                        [DAVIT_DEVICE_NULL] = "null"};
    return names[kind];
}

static json_t *peaks_json(const davit_device_profile *profile)
{
    return json_pack("{s:o, s:o, s:o, s:o, s:o, s:o}", "f32_flops_per_s",
                     davit_report_known(profile->f32_flops_per_s), "f16_flops_per_s",
                     davit_report_known(profile->f16_flops_per_s), "bf16_flops_per_s",
                     davit_report_known(profile->bf16_flops_per_s), "tf32_flops_per_s",
                     davit_report_known(profile->tf32_flops_per_s), "s8_ops_per_s",
                     davit_report_known(profile->s8_ops_per_s), "memory_bytes_per_s",
                     davit_report_known(profile->memory_bytes_per_s));
}

/* null: its memory is the host's. */
static json_t *link_json(const davit_link_profile *link)
{
    if (link->to_device_bytes_per_s <= 0 && link->to_host_bytes_per_s <= 0) {
        return json_null();
    }
    return json_pack("{s:o, s:o, s:f}", "to_device_bytes_per_s",
                     davit_report_known(link->to_device_bytes_per_s), "to_host_bytes_per_s",
                     davit_report_known(link->to_host_bytes_per_s), "latency_s",
                     (double)link->latency_ns * 1e-9);
}

static json_t *load_json(const davit_place_load *load)
{
    return json_pack("{s:I, s:f, s:f, s:f, s:f, s:f, s:f}", "units", (json_int_t)load->node_count,
                     "compute_s", load->compute_s, "in_s", load->in_s, "out_s", load->out_s,
                     "in_bytes", load->in_bytes, "out_bytes", load->out_bytes, "memory_bytes",
                     load->memory_bytes);
}

/* Predicted, of one inference; null when no power is known. */
static json_t *energy_json(const davit_plan *plan, size_t device)
{
    const davit_device_profile *profile = &plan->devices[device].info.profile;
    const davit_place_load *load = &plan->loads[device].load;
    double units = 0;
    for (size_t u = 0; u < plan->unit_count; u++) {
        units += plan->units[u].device == device ? plan->units[u].cost.joules : 0;
    }
    double copies = (load->in_bytes + load->out_bytes) * profile->link.joules_per_byte;
    double idle = load->node_count > 0 ? profile->power.idle_watts * plan->prediction.latency_s : 0;
    if (units + copies + idle <= 0 || !isfinite(units + copies + idle)) {
        return json_null();
    }
    return json_pack("{s:f, s:f, s:f, s:f}", "units_joules", units, "copies_joules", copies,
                     "idle_joules", idle, "idle_watts", profile->power.idle_watts);
}

static json_t *numa_node_json(const davit_report_source *source, const davit_device_info *info)
{
    const davit_topology *topology = source->topology;
    if (topology == NULL) {
        return json_null();
    }
    if (info->profile.kind == DAVIT_DEVICE_CPU && info->ordinal > 0 &&
        info->ordinal <= davit_topology_node_count(topology)) {
        return json_integer((json_int_t)davit_topology_node(topology, info->ordinal - 1)->os_index);
    }
    size_t index = davit_topology_find_pci(topology, info->pci_address);
    if (info->pci_address[0] == '\0' || index >= davit_topology_pci_count(topology) ||
        davit_topology_pci(topology, index)->numa_node == DAVIT_TOPOLOGY_NONE) {
        return json_null();
    }
    return json_integer((json_int_t)davit_topology_pci(topology, index)->numa_node);
}

/* Emulated devices and those that exist only as a profile have no time of their own. */
static const char *clock_name(const davit_plan_device *device)
{
    bool profile_only = strcmp(device->backend->table->name, "profile") == 0;
    return device->info.emulated || profile_only ? "modelled" : "measured";
}

static json_t *device_json(const davit_report_source *source, size_t index)
{
    const davit_plan_device *device = &source->plan->devices[index];
    const davit_plan_load *load = &source->plan->loads[index];
    const davit_device_info *info = &device->info;
    return json_pack(
        "{s:o, s:s, s:s, s:o, s:b, s:s, s:o, s:o, s:o, s:o, s:o, s:o, s:o, s:o}", "name",
        davit_report_text(info->name), "backend", device->backend->table->name, "kind",
        kind_name(info->profile.kind), "description", davit_report_text(info->description),
        "emulated", info->emulated, "clock", clock_name(device), "pci_address",
        info->pci_address[0] != '\0' ? davit_report_text(info->pci_address) : json_null(),
        "numa_node", numa_node_json(source, info), "memory_bytes",
        davit_report_known((double)info->profile.memory_bytes), "peaks", peaks_json(&info->profile),
        "link", link_json(&info->profile.link), "load", load_json(&load->load), "unused",
        davit_report_text(load->unused != NULL ? load->unused : ""), "energy",
        energy_json(source->plan, index));
}

json_t *davit_report_devices(const davit_report_source *source)
{
    json_t *devices = json_array();
    for (size_t d = 0; devices != NULL && d < source->plan->device_count; d++) {
        if (!davit_report_append(devices, device_json(source, d))) {
            json_decref(devices);
            return NULL;
        }
    }
    return devices;
}
