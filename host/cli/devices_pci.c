/* The tables of devices on PCI and of the routes between them. */
#include <string.h>

#include "devices.h"

enum { MAX_MATRIX = 32 };

static const char *kind_text(davit_pci_kind kind)
{
    static const char *const texts[] = {"GPU", "FPGA", "display", "other"};
    return texts[kind];
}

static const char *vendor_text(uint16_t vendor_id)
{
    static const struct {
        uint16_t id;
        const char *text;
    } vendors[] = {{0x1002, "AMD "},        {0x102b, "Matrox "}, {0x10de, "NVIDIA "},
                   {0x10ee, "AMD/Xilinx "}, {0x1a03, "ASPEED "}, {0x1d0f, "AWS "},
                   {0x8086, "Intel "}};
    for (size_t i = 0; i < sizeof(vendors) / sizeof(vendors[0]); i++) {
        if (vendors[i].id == vendor_id) {
            return vendors[i].text;
        }
    }
    return "";
}

/* "15.8 GB/s", "?" when unknown, with "<=" when it is a bound. */
static const char *rate_text(double bytes_per_s, bool exact, char *text, size_t text_bytes)
{
    snprintf(text, text_bytes,
             bytes_per_s <= 0 ? "?"
             : exact          ? "%.1f GB/s"
                              : "<= %.1f GB/s",
             bytes_per_s / 1e9);
    return text;
}

static const char *link_text(const davit_pci_device *device, char *text, size_t text_bytes)
{
    if (device->link_generation > 0) {
        snprintf(text, text_bytes, "%u.0 x%u", device->link_generation, device->link_width);
        return text;
    }
    return rate_text(device->link_bytes_per_s, true, text, text_bytes);
}

/* devices NULL: a recorded machine, whose devices are none of Davit's. */
static void print_row(size_t index, const davit_pci_device *device, const char *devices)
{
    char size[32], link[32], path[32];
    printf("%3zu %-13s %-8s %-8s %-5s %-8s %-12s ", index, device->address, kind_text(device->kind),
           cli_size_text(device->memory_bytes, size, sizeof(size)),
           device->numa_nodes[0] != '\0' ? device->numa_nodes : "?",
           link_text(device, link, sizeof(link)),
           rate_text(device->path_bytes_per_s, device->path_known, path, sizeof(path)));
    if (devices != NULL) {
        printf("%-10s ", devices[0] != '\0' ? devices : "-");
    }
    if (device->name[0] != '\0') {
        printf("%s", device->name);
    } else {
        printf("%s%04x:%04x", vendor_text(device->vendor_id), device->vendor_id, device->device_id);
    }
    if (device->os_devices[0] != '\0') {
        printf(" (%s)", device->os_devices);
    }
    printf("\n");
}

static void print_details(const davit_pci_device *device)
{
    char rate[32];
    printf("    %04x:%04x, class %04x, link %s, bridges on the way: %u", device->vendor_id,
           device->device_id, device->class_id,
           rate_text(device->link_bytes_per_s, true, rate, sizeof(rate)), device->bridge_count);
    if (device->package != DAVIT_TOPOLOGY_NONE) {
        printf(", socket %u", device->package);
    }
    printf("\n");
}

/* Prints numbers of devices as "0-3, 7", those that `belongs` picks. Returns how many. */
static size_t print_numbers(size_t count, bool (*belongs)(const void *user, size_t index),
                            const void *user)
{
    size_t found = 0;
    for (size_t first = 0; first < count; first++) {
        if (!belongs(user, first)) {
            continue;
        }
        size_t last = first;
        while (last + 1 < count && belongs(user, last + 1)) {
            last++;
        }
        printf(found > 0 ? ", %zu" : "%zu", first);
        if (last > first) {
            printf("-%zu", last);
        }
        found += last - first + 1;
        first = last;
    }
    return found;
}

typedef struct reason {
    const davit_inventory_entry *entries;
    const char *text;
} reason;

static bool has_reason(const void *user, size_t index)
{
    const reason *wanted = user;
    return strcmp(wanted->entries[index].unusable, wanted->text) == 0;
}

/* One line for each reason, with the devices that share it. On a recorded machine only what holds
 * elsewhere too: nothing can be opened here anyway. */
static void print_reasons(const cli_machine *machine, size_t count)
{
    for (size_t i = 0; i < count; i++) {
        const reason wanted = {machine->pci, machine->pci[i].unusable};
        bool said = wanted.text[0] == '\0' ||
                    (machine->context == NULL &&
                     davit_topology_pci(machine->topology, i)->refused[0] == '\0');
        for (size_t j = 0; j < i && !said; j++) {
            said = has_reason(&wanted, j);
        }
        if (!said) {
            printf("unusable ");
            (void)print_numbers(count, has_reason, &wanted);
            printf(": %s\n", wanted.text);
        }
    }
}

typedef struct route_set {
    const davit_topology *topology;
    size_t count;
    size_t rows[MAX_MATRIX]; /* devices that something can be offloaded to */
    size_t row_count;
} route_set;

static route_set find_rows(const davit_topology *topology)
{
    route_set set = {.topology = topology, .count = davit_topology_pci_count(topology)};
    for (size_t i = 0; i < set.count && set.row_count < MAX_MATRIX; i++) {
        if (davit_topology_pci(topology, i)->refused[0] == '\0') {
            set.rows[set.row_count++] = i;
        }
    }
    return set;
}

static void write_meeting(const davit_pci_route *route, char *text, size_t text_bytes)
{
    static const char *const meetings[] = {".", "sw", "hb", "so", "xs"};
    snprintf(text, text_bytes, "%s", meetings[route->meeting]);
}

static void write_direct(const davit_pci_route *route, char *text, size_t text_bytes)
{
    snprintf(text, text_bytes, route->direct_bytes_per_s > 0 ? "%.0f" : ".",
             route->direct_bytes_per_s / 1e9);
}

static void print_matrix(const route_set *set,
                         void (*write)(const davit_pci_route *route, char *text, size_t text_bytes))
{
    char text[32];
    printf("   ");
    for (size_t i = 0; i < set->row_count; i++) {
        printf("%4zu", set->rows[i]);
    }
    printf("\n");
    for (size_t i = 0; i < set->row_count; i++) {
        printf("%3zu", set->rows[i]);
        for (size_t j = 0; j < set->row_count; j++) {
            davit_pci_route route = davit_topology_route(set->topology, set->rows[i], set->rows[j]);
            write(&route, text, sizeof(text));
            printf("%4s", text);
        }
        printf("\n");
    }
}

static bool has_direct_link(const void *user, size_t index)
{
    const route_set *set = user;
    for (size_t i = 0; i < set->count; i++) {
        if (davit_topology_route(set->topology, index, i).direct_bytes_per_s > 0) {
            return true;
        }
    }
    return false;
}

/* The rate of all links between the devices that have any, 0 when it is not one. */
static double uniform_direct_rate(const route_set *set)
{
    double rate = 0;
    for (size_t i = 0; i < set->count; i++) {
        for (size_t j = 0; j < set->count; j++) {
            double other = davit_topology_route(set->topology, i, j).direct_bytes_per_s;
            if (i == j || !has_direct_link(set, i) || !has_direct_link(set, j)) {
                continue;
            }
            if (rate > 0 && (other < rate || other > rate)) {
                return 0;
            }
            rate = other;
        }
    }
    return rate;
}

/* Links that are not PCIe: NVLink, xGMI, Xe Link. */
static void print_direct(const route_set *set)
{
    bool any = false;
    for (size_t i = 0; i < set->count; i++) {
        any = any || has_direct_link(set, i);
    }
    double rate = uniform_direct_rate(set);
    if (rate > 0) {
        printf("\ndirect links (NVLink or alike): %.0f GB/s between any two of ", rate / 1e9);
        (void)print_numbers(set->count, has_direct_link, set);
        printf("\n");
    } else if (any) {
        printf("\ndirect links (NVLink or alike), GB/s\n");
        print_matrix(set, write_direct);
    }
    for (size_t i = 0; i < set->count; i++) {
        const davit_pci_device *device = davit_topology_pci(set->topology, i);
        if (device->direct_bytes_per_s > 0) {
            printf("direct link of %zu to socket %u: %.0f GB/s\n", i, device->package,
                   device->direct_bytes_per_s / 1e9);
        }
    }
}

static void print_routes(const davit_topology *topology)
{
    route_set set = find_rows(topology);
    if (set.row_count > 1) {
        printf("\nwhere PCIe ways meet: sw at a switch, hb at a host bridge, so in a socket, "
               "xs across sockets\n");
        print_matrix(&set, write_meeting);
    }
    print_direct(&set);
}

void cli_print_pci(const cli_machine *machine, bool details)
{
    size_t count = davit_topology_pci_count(machine->topology);
    if (count == 0) {
        printf("\nno GPU or FPGA on PCI\n");
        return;
    }
    bool recorded = machine->context == NULL;
    printf("\n%3s %-13s %-8s %-8s %-5s %-8s %-12s %s%s\n", "#", "PCI address", "kind", "memory",
           "node", "PCIe", "to host", recorded ? "" : "device     ", "what it is");
    for (size_t i = 0; i < count; i++) {
        const davit_pci_device *device = davit_topology_pci(machine->topology, i);
        print_row(i, device, recorded ? NULL : machine->pci[i].devices);
        if (details) {
            print_details(device);
        }
    }
    print_reasons(machine, count);
    print_routes(machine->topology);
}
