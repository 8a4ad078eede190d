/* davit devices: what this machine has, and what each backend makes of it. */
#include <jansson.h>

#include "davit/topology.h"
#include "cli.h"
#include "json.h"

static const cli_option options[] = {
    {"topology", 0, "FILE.xml", "show a recorded machine (hwloc XML) instead of this one"},
    CLI_COMMON_OPTIONS,
};

static void print_size(uint64_t bytes)
{
    static const char *const units[] = {"B", "KiB", "MiB", "GiB", "TiB"};
    size_t unit = 0;
    double value = (double)bytes;
    while (value >= 1024 && unit + 1 < sizeof(units) / sizeof(units[0])) {
        value /= 1024;
        unit++;
    }
    printf(value < 10 && unit > 0 ? "%.1f %s" : "%.0f %s", value, units[unit]);
}

static void print_machine(const davit_topology *topology)
{
    const davit_host_info *host = davit_topology_host(topology);
    printf("processor  %s, %u cores%s%s\n", host->processor, host->core_count,
           host->isa[0] != '\0' ? ", " : "", host->isa);
    printf("memory     ");
    print_size(host->memory_bytes);
    printf("\n");
    for (size_t i = 0; i < davit_topology_cache_count(topology); i++) {
        const davit_cache *cache = davit_topology_cache(topology, i);
        printf("cache      L%d%s ", cache->level,
               cache->kind == 'u' ? "" : (cache->kind == 'd' ? "d" : "i"));
        print_size(cache->bytes);
        printf(" x %u\n", cache->count);
    }
    for (size_t i = 0; i < davit_topology_node_count(topology); i++) {
        const davit_numa_node *node = davit_topology_node(topology, i);
        printf("numa node  %zu: %u cores, %u threads (%s), ", i, node->core_count,
               node->thread_count, node->cpus);
        print_size(node->memory_bytes);
        printf("\n");
    }
}

static davit_status print_devices(const davit_context *context)
{
    printf("\n%-12s %-10s %-9s %s\n", "device", "backend", "state", "what it is");
    for (size_t i = 0; i < davit_context_device_count(context); i++) {
        davit_device_summary device;
        davit_status status = davit_context_device(context, i, &device);
        if (status != DAVIT_OK) {
            return status;
        }
        bool usable = device.unusable[0] == '\0';
        printf("%-12s %-10s %-9s %s%s%s\n", device.name, device.backend,
               !usable ? "unusable" : (device.emulated ? "by name" : "ready"), device.description,
               usable ? "" : ": ", device.unusable);
    }
    return DAVIT_OK;
}

static json_t *machine_json(const davit_topology *topology)
{
    const davit_host_info *host = davit_topology_host(topology);
    json_t *caches = json_array();
    for (size_t i = 0; i < davit_topology_cache_count(topology); i++) {
        const davit_cache *cache = davit_topology_cache(topology, i);
        json_array_append_new(caches,
                              json_pack("{s:i, s:s, s:I, s:I}", "level", cache->level, "kind",
                                        cache->kind == 'u'   ? "unified"
                                        : cache->kind == 'd' ? "data"
                                                             : "instruction",
                                        "bytes", (json_int_t)cache->bytes, "count",
                                        (json_int_t)cache->count));
    }
    json_t *nodes = json_array();
    for (size_t i = 0; i < davit_topology_node_count(topology); i++) {
        const davit_numa_node *node = davit_topology_node(topology, i);
        json_array_append_new(
            nodes, json_pack("{s:I, s:I, s:I, s:s, s:I}", "os_index", (json_int_t)node->os_index,
                             "cores", (json_int_t)node->core_count, "threads",
                             (json_int_t)node->thread_count, "cpus", node->cpus, "memory_bytes",
                             (json_int_t)node->memory_bytes));
    }
    return json_pack("{s:s, s:s, s:I, s:I, s:o, s:o}", "processor", host->processor, "isa",
                     host->isa, "cores", (json_int_t)host->core_count, "memory_bytes",
                     (json_int_t)host->memory_bytes, "caches", caches, "numa_nodes", nodes);
}

static json_t *devices_json(const davit_context *context)
{
    json_t *devices = json_array();
    for (size_t i = 0; i < davit_context_device_count(context); i++) {
        davit_device_summary device;
        if (davit_context_device(context, i, &device) == DAVIT_OK) {
            json_array_append_new(
                devices, json_pack("{s:s, s:s, s:s, s:s, s:b}", "name", device.name, "backend",
                                   device.backend, "description", device.description, "unusable",
                                   device.unusable, "emulated", device.emulated));
        }
    }
    return devices;
}

static int show(const davit_topology *topology, const davit_context *context, bool json)
{
    if (json) {
        json_t *root = json_pack("{s:i, s:o, s:o}", "schema_version", CLI_SCHEMA_VERSION,
                                 "machine", machine_json(topology), "devices",
                                 context != NULL ? devices_json(context) : json_array());
        return cli_print_json(root);
    }
    print_machine(topology);
    if (context == NULL) {
        printf("\nrecorded machine: nothing on it can run here\n");
        return CLI_DONE;
    }
    return print_devices(context) == DAVIT_OK ? CLI_DONE : CLI_FAILED;
}

static int run(int argc, char **argv)
{
    cli_arguments arguments;
    int exit_code;
    if (!cli_parse(&cli_devices, argc, argv, &arguments, &exit_code)) {
        return exit_code;
    }
    const davit_diagnostics *diag = davit_diagnostics_stderr(arguments.level);
    const davit_context_options context_options = {.diag = diag};
    davit_topology *topology = NULL;
    davit_context *context = NULL;
    exit_code = CLI_FAILED;
    if (arguments.positional.count > 0) {
        exit_code = cli_usage_error(&cli_devices, "unexpected argument %s",
                                    arguments.positional.items[0]);
    } else if (davit_topology_load(davit_allocator_default(), arguments.topology, diag,
                                   &topology) == DAVIT_OK &&
               (arguments.topology != NULL ||
                davit_context_create(&context_options, &context) == DAVIT_OK)) {
        exit_code = show(topology, context, arguments.json);
    }
    davit_context_destroy(context);
    davit_topology_destroy(topology);
    cli_arguments_clear(&arguments);
    return exit_code;
}

const cli_command cli_devices = {
    .name = "devices",
    .arguments = "[--topology FILE.xml] [--json]",
    .summary = "show the devices of this machine and which backend drives each",
    .details = "",
    .options = options,
    .run = run,
};
