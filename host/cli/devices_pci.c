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

/* Prints numbers of devices as "0-3, 7", those that `belongs` picks. */
static void print_numbers(size_t count, bool (*belongs)(const void *user, size_t index),
                          const void *user)
{
    const char *separator = "";
    for (size_t first = 0; first < count; first++) {
        if (!belongs(user, first)) {
            continue;
        }
        size_t last = first;
        while (last + 1 < count && belongs(user, last + 1)) {
            last++;
        }
        printf("%s%zu", separator, first);
        if (last > first) {
            printf("-%zu", last);
        }
        separator = ", ";
        first = last;
    }
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
            print_numbers(count, has_reason, &wanted);
            printf(": %s\n", wanted.text);
        }
    }
}

/* Devices that something can be offloaded to, the first MAX_MATRIX of them. */
typedef struct route_set {
    const davit_topology *topology;
    size_t rows[MAX_MATRIX];
    size_t count;
    bool linked[MAX_MATRIX]; /* by a link that is not PCIe, with another device or the socket */
} route_set;

static route_set find_rows(const davit_topology *topology)
{
    route_set set = {.topology = topology};
    for (size_t i = 0; i < davit_topology_pci_count(topology) && set.count < MAX_MATRIX; i++) {
        if (davit_topology_pci(topology, i)->refused[0] == '\0') {
            set.rows[set.count++] = i;
        }
    }
    for (size_t i = 0; i < set.count; i++) {
        set.linked[i] = davit_topology_pci(topology, set.rows[i])->direct_bytes_per_s > 0;
        for (size_t j = 0; j < set.count; j++) {
            set.linked[i] =
                set.linked[i] ||
                davit_topology_route(topology, set.rows[i], set.rows[j]).direct_bytes_per_s > 0;
        }
    }
    return set;
}

static void print_head(const route_set *set, const char *last)
{
    printf("   ");
    for (size_t i = 0; i < set->count; i++) {
        printf("%4zu", set->rows[i]);
    }
    printf("%s\n", last);
}

static void print_meetings(const route_set *set)
{
    static const char *const meetings[] = {".", "sw", "hb", "so", "xs"};
    printf("\nwhere PCIe ways meet: sw at a switch, hb at a host bridge, so in a socket, "
           "xs across sockets\n");
    print_head(set, "");
    for (size_t i = 0; i < set->count; i++) {
        printf("%3zu", set->rows[i]);
        for (size_t j = 0; j < set->count; j++) {
            printf(
                "%4s",
                meetings[davit_topology_route(set->topology, set->rows[i], set->rows[j]).meeting]);
        }
        printf("\n");
    }
}

static void print_rate(double bytes_per_s, int width)
{
    if (bytes_per_s > 0) {
        printf("%*.0f", width, bytes_per_s / 1e9);
    } else {
        printf("%*s", width, ".");
    }
}

static void print_direct(const route_set *set)
{
    printf("\ndirect links (NVLink or alike), GB/s, with each other and with the nearest socket\n");
    print_head(set, "  socket");
    for (size_t i = 0; i < set->count; i++) {
        printf("%3zu", set->rows[i]);
        for (size_t j = 0; j < set->count; j++) {
            print_rate(
                davit_topology_route(set->topology, set->rows[i], set->rows[j]).direct_bytes_per_s,
                4);
        }
        print_rate(davit_topology_pci(set->topology, set->rows[i])->direct_bytes_per_s, 8);
        printf("\n");
    }
}

/* The rate between any two that have direct links; 0 when it is not one, or to sockets too. */
static double uniform_direct_rate(const route_set *set)
{
    double rate = 0;
    for (size_t i = 0; i < set->count; i++) {
        if (davit_topology_pci(set->topology, set->rows[i])->direct_bytes_per_s > 0) {
            return 0;
        }
        for (size_t j = 0; j < set->count; j++) {
            double other =
                davit_topology_route(set->topology, set->rows[i], set->rows[j]).direct_bytes_per_s;
            if (i == j || !set->linked[i] || !set->linked[j]) {
                continue;
            }
            if (other <= 0 || (rate > 0 && (other < rate || other > rate))) {
                return 0;
            }
            rate = other;
        }
    }
    return rate;
}

static bool is_linked(const void *user, size_t index)
{
    const route_set *set = user;
    for (size_t i = 0; i < set->count; i++) {
        if (set->rows[i] == index) {
            return set->linked[i];
        }
    }
    return false;
}

static void print_routes(const davit_topology *topology)
{
    route_set set = find_rows(topology);
    double rate = uniform_direct_rate(&set);
    bool any = false;
    if (set.count > 1) {
        print_meetings(&set);
    }
    for (size_t i = 0; i < set.count; i++) {
        any = any || set.linked[i];
    }
    if (rate > 0) {
        printf("\ndirect links (NVLink or alike): %.0f GB/s between any two of ", rate / 1e9);
        print_numbers(davit_topology_pci_count(topology), is_linked, &set);
        printf("\n");
    } else if (any) {
        print_direct(&set);
    }
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
