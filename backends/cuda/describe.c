#include "device.h"

#include <ctype.h>
#include <stdio.h>

#define LAUNCH_NS 5000        /* assumed: a kernel in a stream that is not empty */
#define LINK_BYTES_PER_S 12e9 /* assumed: PCIe 3.0 x16 */
#define LINK_LATENCY_NS 10000
#define FIRST_TF32 80 /* compute capability */

/* What a multiprocessor does in a cycle, of NVIDIA's architecture white papers: the table of the
 * compute capability in the CUDA C++ Programming Guide gives the f32 cores, the data sheets of T4,
 * A100, RTX 3090, RTX 4090, H100, B200 and RTX 5090 the products of bytes. */
typedef struct generation {
    int capability; /* from this one on */
    int f32_cores;
    int s8_ops, f16_flops; /* matrix units, dense, f32 accumulation for f16; 0: none */
} generation;

static const generation generations[] = {
    {120, 128, 2048, 512}, {100, 128, 16384, 8192}, {90, 128, 8192, 4096}, {89, 128, 2048, 512},
    {86, 128, 2048, 512},  {80, 64, 4096, 2048},    {75, 64, 2048, 1024},  {70, 64, 0, 1024},
    {60, 128, 0, 0},       {0, 64, 0, 0},
};

static const generation *find_generation(int capability)
{
    const generation *found = generations;
    while (found->capability > capability) {
        found++;
    }
    return found;
}

static double attribute(const davit_cuda_driver *driver, cuda_device_number device, int which)
{
    int value = 0;
    return driver->device_attribute(&value, which, device) == CUDA_RESULT_SUCCESS ? value : 0;
}

/* Peaks by the closed form of units times clock; where a shipped profile knows better, its numbers
 * take their place (davit_profile_adopt). */
static void fill_profile(const davit_cuda_driver *driver, cuda_device_number device, int capability,
                         davit_device_profile *profile)
{
    const generation *made = find_generation(capability);
    double cycles = 1e3 * attribute(driver, device, CUDA_ATTRIBUTE_CLOCK_KHZ) *
                    attribute(driver, device, CUDA_ATTRIBUTE_MULTIPROCESSORS);
    double f32 = 2 * made->f32_cores * cycles;
    double dp4a = 4 * f32;
    profile->f32_flops_per_s = f32;
    profile->f16_flops_per_s = made->f16_flops * cycles;
    profile->bf16_flops_per_s = capability >= 80 ? made->f16_flops * cycles : 0;
    profile->tf32_flops_per_s = capability >= FIRST_TF32 ? made->f16_flops * cycles / 2 : 0;
    profile->s8_ops_per_s = made->s8_ops > 0 ? made->s8_ops * cycles : dp4a;
    profile->memory_bytes_per_s = 2e3 * attribute(driver, device, CUDA_ATTRIBUTE_MEMORY_CLOCK_KHZ) *
                                  attribute(driver, device, CUDA_ATTRIBUTE_MEMORY_BUS_BITS) / 8;
    profile->launch_ns = LAUNCH_NS;
    profile->link = (davit_link_profile){.to_device_bytes_per_s = LINK_BYTES_PER_S,
                                         .to_host_bytes_per_s = LINK_BYTES_PER_S,
                                         .latency_ns = LINK_LATENCY_NS};
    size_t bytes = 0;
    if (driver->device_memory(&bytes, device) == CUDA_RESULT_SUCCESS) {
        profile->memory_bytes = bytes;
    }
}

static void read_pci_address(const davit_cuda_driver *driver, cuda_device_number device,
                             char *address)
{
    if (driver->device_pci_address(address, DAVIT_PCI_ADDRESS_BYTES, device) !=
        CUDA_RESULT_SUCCESS) {
        address[0] = '\0';
    }
    for (char *c = address; *c != '\0'; c++) {
        *c = (char)tolower((unsigned char)*c);
    }
}

void davit_cuda_describe(const davit_cuda_driver *driver, int ordinal, davit_device_info *info)
{
    cuda_device_number device = 0;
    char name[sizeof(info->profile.name)] = "";
    cuda_result result = driver->device_get(&device, ordinal);
    if (result == CUDA_RESULT_SUCCESS) {
        result = driver->device_name(name, (int)sizeof(name), device);
    }
    if (result != CUDA_RESULT_SUCCESS) {
        (void)snprintf(info->unusable, sizeof(info->unusable), "the driver does not know it: %s",
                       davit_cuda_error_name(driver, result));
        return;
    }
    int major = (int)attribute(driver, device, CUDA_ATTRIBUTE_CAPABILITY_MAJOR);
    int minor = (int)attribute(driver, device, CUDA_ATTRIBUTE_CAPABILITY_MINOR);
    (void)snprintf(info->profile.name, sizeof(info->profile.name), "%s", name);
    (void)snprintf(info->description, sizeof(info->description),
                   "%s, compute capability %d.%d, %s CUDA %d.%d", name, major, minor,
                   info->emulated ? "emulated on the host;" : "driver for",
                   driver->api_version / 1000, driver->api_version % 1000 / 10);
    fill_profile(driver, device, 10 * major + minor, &info->profile);
    if (!info->emulated) {
        read_pci_address(driver, device, info->pci_address);
    }
    if (!info->emulated && 10 * major + minor < 75) {
        (void)snprintf(info->unusable, sizeof(info->unusable),
                       "compute capability %d.%d is below 7.5", major, minor);
    }
}
