/* A look at the ids of all PCI devices before hwloc looks at the devices. hwloc reads 256 bytes of
 * configuration space of each that it keeps: 1.5 ms a device in some virtual machines, and large
 * servers have hundreds. The ids are a file of some bytes. */
#include <dirent.h>
#include <stdio.h>
#include <stdlib.h>

#include "state.h"

enum { BASE_DISPLAY = 0x03, BASE_ACCELERATOR = 0x12 };

/* Reads DIR/NAME/modalias, "pci:v000010DEd000020B5sv000010DEsd00001533bc03sc02i00". */
static bool read_ids(const char *folder, const char *name, davit_pci_device *device)
{
    char path[512], text[128];
    unsigned vendor, id, base, sub;
    snprintf(path, sizeof(path), "%s/%s/modalias", folder, name);
    FILE *file = fopen(path, "re");
    if (file == NULL) {
        return false;
    }
    bool read = fgets(text, sizeof(text), file) != NULL &&
                sscanf(text, "pci:v%8xd%8xsv%*8xsd%*8xbc%2xsc%2x", &vendor, &id, &base, &sub) == 4;
    fclose(file);
    if (read) {
        *device = (davit_pci_device){.vendor_id = (uint16_t)vendor,
                                     .device_id = (uint16_t)id,
                                     .class_id = (uint16_t)(base << 8 | sub)};
    }
    return read;
}

/* Whether the user makes hwloc look elsewhere. */
static bool redirected(void)
{
    static const char *const names[] = {"HWLOC_XMLFILE", "HWLOC_FSROOT", "HWLOC_SYNTHETIC"};
    bool found = false;
    for (size_t i = 0; i < sizeof(names) / sizeof(names[0]); i++) {
        found = found || getenv(names[i]) != NULL;
    }
    return found;
}

enum hwloc_type_filter_e davit_topology_pci_filter(const char *folder)
{
    enum hwloc_type_filter_e filter = HWLOC_TYPE_FILTER_KEEP_NONE;
    DIR *directory = redirected() ? NULL : opendir(folder);
    if (directory == NULL) {
        return HWLOC_TYPE_FILTER_KEEP_ALL;
    }
    struct dirent *entry;
    while ((entry = readdir(directory)) != NULL && filter != HWLOC_TYPE_FILTER_KEEP_ALL) {
        davit_pci_device device;
        if (entry->d_name[0] == '.') {
            continue;
        }
        if (!read_ids(folder, entry->d_name, &device)) {
            filter = HWLOC_TYPE_FILTER_KEEP_ALL;
        } else if (davit_pci_classify(&device)) {
            unsigned base = device.class_id >> 8;
            filter = base == BASE_DISPLAY || base == BASE_ACCELERATOR
                         ? HWLOC_TYPE_FILTER_KEEP_IMPORTANT
                         : HWLOC_TYPE_FILTER_KEEP_ALL;
        }
    }
    closedir(directory);
    return filter;
}
