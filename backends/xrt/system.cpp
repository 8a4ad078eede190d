#include "system.h"

#include <cstdio>
#include <cstring>
#include <exception>
#include <string>

#if __has_include(<xrt/experimental/xrt_system.h>)
#include <xrt/experimental/xrt_system.h>
#else
#include <experimental/xrt_system.h>
#endif
#include <xrt/xrt_device.h>
#include <xrt/xrt_uuid.h>

namespace {

// A key that a board does not have throws: the others are still told.
template <typename Ask> void ask(Ask &&question)
{
    try {
        question();
    } catch (...) {
    }
}

void describe(unsigned index, davit_xrt_system_board *out)
{
    namespace info = xrt::info;
    std::memset(out, 0, sizeof(*out));
    xrt::device device;
    ask([&] { device = xrt::device(index); });
    ask([&] {
        std::snprintf(out->pci_address, sizeof(out->pci_address), "%s",
                      device.get_info<info::device::bdf>().c_str());
    });
    ask([&] {
        std::snprintf(out->platform, sizeof(out->platform), "%s",
                      device.get_info<info::device::name>().c_str());
    });
    ask([&] {
        const xrt::uuid uuid = device.get_info<info::device::interface_uuid>();
        std::memcpy(out->interface_uuid, uuid.get(), sizeof(out->interface_uuid));
        out->has_interface = 1;
    });
    ask([&] { out->offline = device.get_info<info::device::offline>() ? 1 : 0; });
}

} // namespace

extern "C" __attribute__((visibility("default"))) int
davit_xrt_system_boards(davit_xrt_system_board *boards, int capacity, char *why, int why_bytes)
{
    try {
        const int count = static_cast<int>(xrt::system::enumerate_devices());
        for (int i = 0; i < count && i < capacity; i++) {
            describe(static_cast<unsigned>(i), &boards[i]);
        }
        return count;
    } catch (const std::exception &error) {
        std::snprintf(why, static_cast<std::size_t>(why_bytes), "XRT: %s", error.what());
    } catch (...) {
        std::snprintf(why, static_cast<std::size_t>(why_bytes), "XRT failed");
    }
    return -1;
}
