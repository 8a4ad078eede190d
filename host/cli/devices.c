/* davit devices: what a machine has, and what each backend makes of it. */
#include "devices.h"

#include <string.h>

static const cli_option options[] = {
    {"topology", 0, "FILE.xml", "show a recorded machine (hwloc XML) instead of this one"},
    {"profiles", 0, "DIR", "list the devices that exist only as profiles, of DIR and shipped"},
    CLI_COMMON_OPTIONS,
};

char *cli_size_text(uint64_t bytes, char *text, size_t text_bytes)
{
    static const char *const units[] = {"B", "KiB", "MiB", "GiB", "TiB"};
    size_t unit = 0;
    double value = (double)bytes;
    while (value >= 1024 && unit + 1 < sizeof(units) / sizeof(units[0])) {
        value /= 1024;
        unit++;
    }
    snprintf(text, text_bytes,
             bytes == 0               ? "-"
             : value < 10 && unit > 0 ? "%.1f %s"
                                      : "%.0f %s",
             value, units[unit]);
    return text;
}

static void print_node(const davit_topology *topology, size_t index)
{
    const davit_numa_node *node = davit_topology_node(topology, index);
    size_t count = davit_topology_node_count(topology);
    char size[32];
    printf("numa node  %u: %u cores, %u threads (%s), %s", node->os_index, node->core_count,
           node->thread_count, node->cpus, cli_size_text(node->memory_bytes, size, sizeof(size)));
    for (size_t i = 0; i < count && count > 1; i++) {
        const davit_numa_node *other = davit_topology_node(topology, i);
        uint32_t distance = davit_topology_numa_distance(topology, node->os_index, other->os_index);
        if (i != index && distance > 0) {
            printf(", distance to %u: %u", other->os_index, distance);
        }
    }
    printf("\n");
}

static void print_machine(const davit_topology *topology)
{
    const davit_host_info *host = davit_topology_host(topology);
    uint32_t packages = davit_topology_package_count(topology);
    char size[32];
    printf("processor  %s, ", host->processor);
    if (packages > 1) {
        printf("%u sockets, ", packages);
    }
    printf("%u cores%s%s\n", host->core_count, host->isa[0] != '\0' ? ", " : "", host->isa);
    printf("memory     %s\n", cli_size_text(host->memory_bytes, size, sizeof(size)));
    for (size_t i = 0; i < davit_topology_cache_count(topology); i++) {
        const davit_cache *cache = davit_topology_cache(topology, i);
        printf("cache      L%d%s %s x %u\n", cache->level,
               cache->kind == 'u' ? "" : (cache->kind == 'd' ? "d" : "i"),
               cli_size_text(cache->bytes, size, sizeof(size)), cache->count);
    }
    for (size_t i = 0; i < davit_topology_node_count(topology); i++) {
        print_node(topology, i);
    }
}

static davit_status print_devices(const davit_context *context)
{
    printf("\n%-12s %-10s %-9s %-8s %-5s %s\n", "device", "backend", "state", "memory", "node",
           "what it is");
    for (size_t i = 0; i < davit_context_device_count(context); i++) {
        davit_device_summary device;
        davit_status status = davit_context_device(context, i, &device);
        if (status != DAVIT_OK) {
            return status;
        }
        char size[32], node[16] = "-";
        if (device.numa_node >= 0) {
            snprintf(node, sizeof(node), "%d", device.numa_node);
        }
        bool usable = device.unusable[0] == '\0';
        const char *at = device.pci_address[0] != '\0' ? " at " : "";
        printf("%-12s %-10s %-9s %-8s %-5s %s%s%s%s%s\n", device.name, device.backend,
               !usable ? "unusable" : (device.emulated ? "by name" : "ready"),
               cli_size_text(device.memory_bytes, size, sizeof(size)), node, device.description, at,
               device.pci_address, usable ? "" : ": ", device.unusable);
    }
    return DAVIT_OK;
}

static int show(const cli_machine *machine, const cli_arguments *arguments)
{
    if (arguments->json) {
        return cli_print_machine_json(machine);
    }
    if (machine->topology != NULL) {
        print_machine(machine->topology);
    }
    if (machine->context == NULL) {
        printf("\nrecorded machine: nothing on it can be opened here\n");
    } else if (print_devices(machine->context) != DAVIT_OK) {
        return CLI_FAILED;
    }
    if (machine->topology != NULL) {
        cli_print_pci(machine, arguments->level >= DAVIT_INFO);
    }
    if (machine->profiles != NULL &&
        cli_print_profiles(machine->profiles, machine->diag) != DAVIT_OK) {
        return CLI_FAILED;
    }
    return CLI_DONE;
}

static int show_recorded(const cli_arguments *arguments, const davit_diagnostics *diag)
{
    davit_topology *topology = NULL;
    cli_machine machine = {.profiles = arguments->profiles, .diag = diag};
    int exit_code = CLI_FAILED;
    if (davit_topology_load_untrusted(davit_allocator_default(), arguments->topology, diag,
                                      &topology) == DAVIT_OK &&
        davit_inventory_join(davit_allocator_default(), topology, NULL, NULL, 0, &machine.pci) ==
            DAVIT_OK) {
        machine.topology = topology;
        exit_code = show(&machine, arguments);
    }
    davit_free(davit_allocator_default(), machine.pci);
    davit_topology_destroy(topology);
    return exit_code;
}

static int show_this(const cli_arguments *arguments, const davit_diagnostics *diag)
{
    const davit_context_options context_options = {.diag = diag};
    davit_context *context;
    if (davit_context_create(&context_options, &context) != DAVIT_OK) {
        return CLI_FAILED;
    }
    cli_machine machine = {.topology = davit_context_topology(context),
                           .context = context,
                           .profiles = arguments->profiles,
                           .diag = diag};
    int exit_code = CLI_FAILED;
    if (machine.topology == NULL ||
        davit_context_inventory(context, davit_allocator_default(), &machine.pci) == DAVIT_OK) {
        exit_code = show(&machine, arguments);
    }
    davit_free(davit_allocator_default(), machine.pci);
    cli_context_close(context);
    return exit_code;
}

static int run(int argc, char **argv)
{
    cli_arguments arguments;
    int exit_code;
    if (!cli_parse(&cli_devices, argc, argv, &arguments, &exit_code)) {
        return exit_code;
    }
    const davit_diagnostics *diag = davit_diagnostics_stderr(arguments.level);
    if (arguments.positional.count > 0) {
        exit_code =
            cli_usage_error(&cli_devices, "unexpected argument %s", arguments.positional.items[0]);
    } else {
        exit_code = arguments.topology != NULL ? show_recorded(&arguments, diag)
                                               : show_this(&arguments, diag);
    }
    cli_arguments_clear(&arguments);
    return exit_code;
}

const cli_command cli_devices = {
    .name = "devices",
    .arguments = "[--topology FILE.xml] [--profiles DIR] [--json] [-v]",
    .summary = "show the devices of this machine and which backend drives each",
    .details =
        "GPUs, FPGAs and displays on PCI are listed with the nearest NUMA node, their PCIe link\n"
        "(generation and width that fit its bandwidth), the narrowest link on the way to the "
        "host,\n"
        "and the device of Davit that each is, or why it is none. `lstopo FILE.xml` (hwloc) "
        "records\n"
        "a machine.\n",
    .options = options,
    .run = run,
};
