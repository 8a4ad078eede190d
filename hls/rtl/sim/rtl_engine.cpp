#include "rtl_engine.h"

#include <cstdio>
#include <cstring>
#include <memory>
#include <string>

#include "Vgemm_full.h"
#include "Vgemm_small.h"
#include "davit/engine_abi.h"
#include "memory.h"

namespace
{

thread_local rtl_memory use = {"plain", 1.0, 20, 1e9, 0};
thread_local std::uint64_t cycles_of_call;
thread_local std::string failure;

enum {
    CTRL = 0x00,
    GIER = 0x04,
    IER = 0x08,
    ISR = 0x0c,
    START = 1,
    DONE = 2,
    IDLE = 4,
    CONTINUE = 16,
    ARGUMENTS = 6
};

template <class Kernel> class engine
{
  public:
    engine() : context_(new VerilatedContext), kernel_(new Kernel(context_.get()))
    {
        for (int i = 0; i < 16; i++) {
            kernel_->ap_rst_n = i >= 8;
            kernel_->ap_clk = 0;
            kernel_->eval();
            kernel_->ap_clk = 1;
            kernel_->eval();
        }
    }

    void call(const std::uint64_t addresses[ARGUMENTS], const std::vector<rtl::region> &regions,
              std::uint64_t limit)
    {
        rtl::memory memory(use, regions);
        memory_ = &memory;
        if ((read(CTRL) & IDLE) == 0) {
            failure = "the kernel is not idle before its start";
            return;
        }
        for (unsigned i = 0; i < ARGUMENTS; i++) {
            write(0x10 + 12 * i, (std::uint32_t)addresses[i]);
            write(0x14 + 12 * i, (std::uint32_t)(addresses[i] >> 32));
        }
        if (read(0x14) != (std::uint32_t)(addresses[0] >> 32)) {
            failure = "an address register does not keep what was written";
        }
        write(GIER, 1);
        write(IER, 1);
        memory.start();
        write(CTRL, START);
        std::uint64_t cycles = 0;
        while (!kernel_->__SYM__interrupt && memory.error().empty() && cycles < limit) {
            tick();
            cycles++;
        }
        cycles_of_call = cycles;
        finish(memory, cycles == limit);
        memory_ = nullptr;
    }

  private:
    void finish(const rtl::memory &memory, bool late)
    {
        if (!memory.error().empty()) {
            failure = memory.error();
        } else if (late) {
            failure = "no end after " + std::to_string(cycles_of_call) + " cycles";
        } else if (!memory.settled()) {
            failure = "done before all writes are acknowledged";
        } else if ((read(CTRL) & DONE) == 0) {
            failure = "an interrupt, but not done";
        } else {
            write(ISR, 1);
            write(CTRL, CONTINUE);
            if ((read(CTRL) & (DONE | IDLE)) != IDLE || kernel_->__SYM__interrupt) {
                failure = "done is not taken back";
            }
        }
        if (!failure.empty()) {
            *this = engine(); // the next call finds a kernel that works
        }
    }

    void tick()
    {
        rtl::reader_out readers[rtl::READERS] = {
            {kernel_->m_axi_gmem_a_arvalid != 0, kernel_->m_axi_gmem_a_araddr,
             kernel_->m_axi_gmem_a_arlen},
            {kernel_->m_axi_gmem_b_arvalid != 0, kernel_->m_axi_gmem_b_araddr,
             kernel_->m_axi_gmem_b_arlen},
            {kernel_->m_axi_gmem_p_arvalid != 0, kernel_->m_axi_gmem_p_araddr,
             kernel_->m_axi_gmem_p_arlen},
            {kernel_->m_axi_gmem_r_arvalid != 0, kernel_->m_axi_gmem_r_araddr,
             kernel_->m_axi_gmem_r_arlen}};
        const rtl::writer_out writer = {
            kernel_->m_axi_gmem_c_awvalid != 0,
            kernel_->m_axi_gmem_c_wvalid != 0,
            kernel_->m_axi_gmem_c_wlast != 0,
            kernel_->m_axi_gmem_c_awaddr,
            kernel_->m_axi_gmem_c_awlen,
            reinterpret_cast<const std::uint8_t *>(&kernel_->m_axi_gmem_c_wdata[0])};
        rtl::reader_in in[rtl::READERS];
        rtl::writer_in written;
        memory_->cycle(readers, writer, in, written);
#define GIVE(port, i)                                                                              \
    kernel_->m_axi_gmem_##port##_arready = in[i].arready;                                          \
    kernel_->m_axi_gmem_##port##_rvalid = in[i].rvalid;                                            \
    kernel_->m_axi_gmem_##port##_rlast = in[i].rlast;                                              \
    std::memcpy(&kernel_->m_axi_gmem_##port##_rdata[0], in[i].data, rtl::WORD)
        GIVE(a, 0);
        GIVE(b, 1);
        GIVE(p, 2);
        GIVE(r, 3);
#undef GIVE
        kernel_->m_axi_gmem_c_awready = written.awready;
        kernel_->m_axi_gmem_c_wready = written.wready;
        kernel_->m_axi_gmem_c_bvalid = written.bvalid;
        kernel_->ap_clk = 0;
        kernel_->eval();
        kernel_->ap_clk = 1;
        kernel_->eval();
    }

    void write(std::uint32_t address, std::uint32_t value)
    {
        kernel_->s_axi_control_awvalid = 1;
        kernel_->s_axi_control_awaddr = (unsigned char)address;
        kernel_->s_axi_control_wvalid = 1;
        kernel_->s_axi_control_wdata = value;
        kernel_->s_axi_control_wstrb = 15;
        kernel_->s_axi_control_bready = 1;
        tick(); // the register file takes both at once
        kernel_->s_axi_control_awvalid = 0;
        kernel_->s_axi_control_wvalid = 0;
        if (!kernel_->s_axi_control_bvalid) {
            failure = "a register write is not answered";
        }
        tick();
    }

    std::uint32_t read(std::uint32_t address)
    {
        kernel_->s_axi_control_arvalid = 1;
        kernel_->s_axi_control_araddr = (unsigned char)address;
        kernel_->s_axi_control_rready = 1;
        tick();
        kernel_->s_axi_control_arvalid = 0;
        if (!kernel_->s_axi_control_rvalid) {
            failure = "a register read is not answered";
        }
        const std::uint32_t value = kernel_->s_axi_control_rdata;
        tick();
        return value;
    }

    std::unique_ptr<VerilatedContext> context_;
    std::unique_ptr<Kernel> kernel_;
    rtl::memory *memory_ = nullptr;
};

/* The buffers of a call follow from its parameter block; the ABI allows whole words. */
std::vector<rtl::region> regions_of(const std::uint64_t at[ARGUMENTS])
{
    const std::uint32_t *f = reinterpret_cast<const std::uint32_t *>(at[2]);
    const std::uint64_t columns = f[DAVIT_GEMM_F_GEOMETRY] >> 8 & 0xff;
    const std::uint64_t tiles = f[DAVIT_GEMM_F_N_TILES];
    const std::uint64_t result =
        ((std::uint64_t)f[DAVIT_GEMM_F_M] * f[DAVIT_GEMM_F_N] + 63) / 64 * 64;
    const std::uint64_t a = (std::uint64_t)f[DAVIT_GEMM_F_A_WORDS] * 64;
    const std::uint64_t b = tiles * f[DAVIT_GEMM_F_K_STEPS] * columns * DAVIT_GEMM_DEPTH;
    const std::uint64_t p = 128 + tiles * columns * 12;
    std::vector<rtl::region> regions = {{at[0], at[0] + a, false},
                                        {at[1], at[1] + b, false},
                                        {at[2], at[2] + p, false},
                                        {at[4], at[4] + result, true},
                                        {at[5], at[5] + 64, true}};
    if (at[3] != 0) {
        regions.push_back({at[3], at[3] + result, false});
    }
    return regions;
}

/* Far beyond what any call may take: every product and every word for itself. */
std::uint64_t limit_of(const std::uint64_t at[ARGUMENTS])
{
    const std::uint32_t *f = reinterpret_cast<const std::uint32_t *>(at[2]);
    const std::uint64_t steps = (std::uint64_t)f[DAVIT_GEMM_F_M_TILES] * f[DAVIT_GEMM_F_N_TILES] *
                                (f[DAVIT_GEMM_F_K_STEPS] + 64ull);
    const std::uint64_t words = (std::uint64_t)f[DAVIT_GEMM_F_A_WORDS] * f[DAVIT_GEMM_F_PANELS];
    return 20000 + 8 * (steps + words);
}

template <class Kernel>
void run(const void *a, const void *b, const void *p, const void *r, void *c, void *e)
{
    static thread_local engine<Kernel> kernel;
    const std::uint64_t at[ARGUMENTS] = {(std::uint64_t)a, (std::uint64_t)b, (std::uint64_t)p,
                                         (std::uint64_t)r, (std::uint64_t)c, (std::uint64_t)e};
    failure.clear();
    kernel.call(at, regions_of(at), limit_of(at));
}

} // namespace

extern "C" {

void rtl_use_memory(const rtl_memory *memory)
{
    use = *memory;
}

uint64_t rtl_cycles(void)
{
    return cycles_of_call;
}

const char *engine_simulation_error(void)
{
    static thread_local std::string text;
    text = failure;
    failure.clear();
    return text.empty() ? nullptr : text.c_str();
}

void gemm_s8(const void *a, const void *b, const void *p, const void *r, void *c, void *e)
{
    run<Vgemm_full>(a, b, p, r, c, e);
}

void gemm_s8_small(const void *a, const void *b, const void *p, const void *r, void *c, void *e)
{
    run<Vgemm_small>(a, b, p, r, c, e);
}

} // extern "C"

double sc_time_stamp()
{
    return 0;
}
