/* What a PCI device is to Davit, from its ids alone. */
#include <stdio.h>

#include "state.h"

enum {
    VENDOR_AMD = 0x1002,
    VENDOR_AMAZON = 0x1d0f,
    VENDOR_INTEL = 0x8086,
    VENDOR_NVIDIA = 0x10de,
    VENDOR_XILINX = 0x10ee
};

/* Base classes and classes of the PCI Code and ID Assignment Specification. */
enum {
    BASE_STORAGE = 0x01,
    BASE_NETWORK = 0x02,
    BASE_DISPLAY = 0x03,
    BASE_BRIDGE = 0x06,
    BASE_ACCELERATOR = 0x12,
    CLASS_MEMORY_OTHER = 0x0580,
    CLASS_SYSTEM_OTHER = 0x0880,
    CLASS_SIGNAL_OTHER = 0x1180
};

#define ANY_DEVICE 0xffff
#define MANAGEMENT "a server's management display, no GPU to offload to"
#define VIRTUAL "the display of a virtual machine, no GPU to offload to"

typedef struct known_display {
    uint16_t vendor_id, device_id;
    const char *refused;
} known_display;

static const known_display displays[] = {
    {0x1a03, ANY_DEVICE, MANAGEMENT}, /* ASPEED AST */
    {0x102b, ANY_DEVICE, MANAGEMENT}, /* Matrox G200 */
    {VENDOR_AMD, 0x515e, MANAGEMENT}, /* ES1000 */
    {VENDOR_AMD, 0x5969, MANAGEMENT}, /* ES1000 */
    {VENDOR_AMD, 0x4752, MANAGEMENT}, /* Rage XL */
    {VENDOR_AMD, 0x5159, MANAGEMENT}, /* Radeon 7000 */
    {0x126f, ANY_DEVICE, MANAGEMENT}, /* Silicon Motion */
    {0x18ca, ANY_DEVICE, MANAGEMENT}, /* XGI Volari Z */
    {0x19e5, 0x1711, MANAGEMENT},     /* Huawei iBMC */
    {0x1013, ANY_DEVICE, VIRTUAL},    /* Cirrus Logic, as QEMU shows it */
    {0x1234, ANY_DEVICE, VIRTUAL},    /* QEMU */
    {0x1414, ANY_DEVICE, VIRTUAL},    /* Hyper-V */
    {0x15ad, ANY_DEVICE, VIRTUAL},    /* VMware */
    {0x1af4, ANY_DEVICE, VIRTUAL},    /* virtio */
    {0x1b36, ANY_DEVICE, VIRTUAL},    /* QXL */
    {0x80ee, ANY_DEVICE, VIRTUAL},    /* VirtualBox */
};

static bool refuse(davit_pci_device *device, davit_pci_kind kind, const char *reason)
{
    device->kind = kind;
    snprintf(device->refused, sizeof(device->refused), "%s", reason);
    return true;
}

static bool accept(davit_pci_device *device, davit_pci_kind kind)
{
    device->kind = kind;
    device->refused[0] = '\0';
    return true;
}

static bool classify_display(davit_pci_device *device)
{
    for (size_t i = 0; i < sizeof(displays) / sizeof(displays[0]); i++) {
        const known_display *known = &displays[i];
        if (known->vendor_id == device->vendor_id &&
            (known->device_id == ANY_DEVICE || known->device_id == device->device_id)) {
            return refuse(device, DAVIT_PCI_DISPLAY, known->refused);
        }
    }
    if (device->vendor_id == VENDOR_NVIDIA || device->vendor_id == VENDOR_AMD ||
        device->vendor_id == VENDOR_INTEL) {
        return accept(device, DAVIT_PCI_GPU);
    }
    return refuse(device, DAVIT_PCI_DISPLAY, "a display of none of NVIDIA, AMD and Intel");
}

/* Amazon's FPGA functions carry one of several classes, its Neuron devices one of them too. */
static bool classify_amazon(davit_pci_device *device)
{
    unsigned base = device->class_id >> 8;
    unsigned family = device->device_id & 0xf0fcu; /* 7064 to 7067, 7164, 7264, 7364 */
    if (base != BASE_ACCELERATOR && device->class_id != CLASS_MEMORY_OTHER &&
        device->class_id != CLASS_SYSTEM_OTHER && device->class_id != CLASS_SIGNAL_OTHER) {
        return false;
    }
    if (family == 0x7064u) {
        return refuse(device, DAVIT_PCI_FPGA, "AWS's id of a Neuron device, not of an FPGA");
    }
    return accept(device, DAVIT_PCI_FPGA);
}

bool davit_pci_classify(davit_pci_device *device)
{
    unsigned base = device->class_id >> 8;
    if (base == BASE_DISPLAY) {
        return classify_display(device);
    }
    if (device->vendor_id == VENDOR_AMAZON) {
        return classify_amazon(device);
    }
    if (device->vendor_id == VENDOR_XILINX) {
        /* The class of a Xilinx design is its author's choice. */
        return base != BASE_STORAGE && base != BASE_NETWORK && base != BASE_BRIDGE &&
               accept(device, DAVIT_PCI_FPGA);
    }
    if (base == BASE_ACCELERATOR && device->vendor_id == VENDOR_AMD) { /* Instinct MI200 and on */
        return accept(device, DAVIT_PCI_GPU);
    }
    return base == BASE_ACCELERATOR &&
           refuse(device, DAVIT_PCI_ACCELERATOR, "a kind of accelerator that Davit does not know");
}
