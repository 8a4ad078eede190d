/* The part of Vitis HLS's ap_int.h that the kernels use, for C simulation.
 *
 * The real types wrap silently. These refuse: a value that does not fit the declared width is a
 * failure of the simulation (csim.h), because no kernel means to lose bits. Bits are taken apart
 * and reinterpreted with range(), which both know. With DAVIT_CSIM_FAST the check is left out.
 *
 * Arithmetic on up to 64 bits is done in long long: exact for everything that the kernels compute,
 * as the real types' growing widths are. Wider unsigned values know only range(), shifts, | and ^.
 */
#ifndef DAVIT_CSIM_AP_INT_H
#define DAVIT_CSIM_AP_INT_H

#include <cstdint>
#include <cstring>
#include <type_traits>

#include "csim.h"

namespace csim
{

template <int W, bool SIGNED> struct storage {
    typedef typename std::conditional<
        W <= 8, std::int8_t,
        typename std::conditional<
            W <= 16, std::int16_t,
            typename std::conditional<W <= 32, std::int32_t, std::int64_t>::type>::type>::type
        signed_type;
    typedef typename std::conditional<SIGNED, signed_type,
                                      typename std::make_unsigned<signed_type>::type>::type type;
};

inline std::uint64_t mask(int bits)
{
    return bits >= 64 ? ~std::uint64_t(0) : (std::uint64_t(1) << bits) - 1;
}

} // namespace csim

/* Up to 64 bits. */
template <int W, bool SIGNED> class csim_integer
{
    static_assert(W >= 1 && W <= 64, "wider values are ap_uint only");
    typedef typename csim::storage<W, SIGNED>::type store;
    store value_;

    static bool fits(long long v)
    {
        if (W == 64) {
            return true;
        }
        const long long low = SIGNED ? -(1ll << (W - 1)) : 0;
        const long long high = SIGNED ? (1ll << (W - 1)) - 1 : (1ll << (W % 64)) - 1;
        return v >= low && v <= high;
    }

  public:
    /* Bits hi to lo, as a place to assign to. */
    class part
    {
        csim_integer &of_;
        int hi_, lo_;

      public:
        part(csim_integer &of, int hi, int lo) : of_(of), hi_(hi), lo_(lo)
        {
        }
        void operator=(std::uint64_t bits)
        {
            const std::uint64_t m = csim::mask(hi_ - lo_ + 1);
            std::uint64_t raw = std::uint64_t(of_.value_) & csim::mask(W);
            raw = (raw & ~(m << lo_)) | ((bits & m) << lo_);
            const std::int64_t top = std::int64_t(raw << (64 - W));
            of_.value_ = SIGNED ? store(top >> (64 - W)) : store(raw);
        }
        operator std::uint64_t() const
        {
            return std::uint64_t(of_.value_) >> lo_ & csim::mask(hi_ - lo_ + 1);
        }
    };

    csim_integer() = default;
    template <typename T, typename = typename std::enable_if<std::is_arithmetic<T>::value>::type>
    csim_integer(T v) : value_(store(v))
    {
#ifndef DAVIT_CSIM_FAST
        if (!fits((long long)v)) {
            csim::overflow((long long)v, W, SIGNED);
        }
#endif
    }
    operator typename std::conditional<(W < 32), int, long long>::type() const
    {
        return value_;
    }
    template <typename T> csim_integer &operator+=(T v)
    {
        return *this = csim_integer((long long)value_ + (long long)v);
    }
    template <typename T> csim_integer &operator-=(T v)
    {
        return *this = csim_integer((long long)value_ - (long long)v);
    }
    csim_integer &operator++()
    {
        return *this += 1;
    }
    void operator++(int)
    {
        *this += 1;
    }
    part range(int hi, int lo)
    {
        return part(*this, hi, lo);
    }
    std::uint64_t range(int hi, int lo) const
    {
        return std::uint64_t(value_) >> lo & csim::mask(hi - lo + 1);
    }
};

template <int W> using ap_int = csim_integer<W, true>;

/* More than 64 bits: a multiple of 64. */
template <int W> class csim_wide
{
    static_assert(W % 64 == 0, "a multiple of 64 bits");

  public:
    static constexpr int limbs = W / 64;
    std::uint64_t limb[limbs];

    class part
    {
        csim_wide &of_;
        int hi_, lo_;

      public:
        part(csim_wide &of, int hi, int lo) : of_(of), hi_(hi), lo_(lo)
        {
        }
        void operator=(std::uint64_t bits)
        {
            /* No part crosses a limb: all are bytes, halves or whole words of 64 bits. */
            const std::uint64_t m = csim::mask(hi_ - lo_ + 1);
            std::uint64_t &l = of_.limb[lo_ / 64];
            l = (l & ~(m << lo_ % 64)) | ((bits & m) << lo_ % 64);
        }
        operator std::uint64_t() const
        {
            return static_cast<const csim_wide &>(of_).range(hi_, lo_);
        }
    };

    csim_wide() = default;
    csim_wide(std::uint64_t low) : limb{}
    {
        limb[0] = low;
    }
    /* Wider from narrower: zeros above; narrower from wider: the low bits. */
    template <int V> csim_wide(const csim_wide<V> &other) : limb{}
    {
        const int n = limbs < other.limbs ? limbs : other.limbs;
        std::memcpy(limb, other.limb, std::size_t(n) * 8);
    }
    part range(int hi, int lo)
    {
        return part(*this, hi, lo);
    }
    std::uint64_t range(int hi, int lo) const
    {
        return limb[lo / 64] >> lo % 64 & csim::mask(hi - lo + 1);
    }
    csim_wide operator>>(int bits) const
    {
        csim_wide out;
        const int skip = bits / 64;
        const int rest = bits % 64;
        for (int i = 0; i < limbs; i++) {
            const std::uint64_t low = i + skip < limbs ? limb[i + skip] : 0;
            const std::uint64_t high = i + skip + 1 < limbs ? limb[i + skip + 1] : 0;
            out.limb[i] = rest == 0 ? low : low >> rest | high << (64 - rest);
        }
        return out;
    }
    csim_wide operator<<(int bits) const
    {
        csim_wide out;
        const int skip = bits / 64;
        const int rest = bits % 64;
        for (int i = 0; i < limbs; i++) {
            const std::uint64_t high = i >= skip ? limb[i - skip] : 0;
            const std::uint64_t low = i >= skip + 1 ? limb[i - skip - 1] : 0;
            out.limb[i] = rest == 0 ? high : high << rest | low >> (64 - rest);
        }
        return out;
    }
    csim_wide operator|(const csim_wide &other) const
    {
        csim_wide out;
        for (int i = 0; i < limbs; i++) {
            out.limb[i] = limb[i] | other.limb[i];
        }
        return out;
    }
    csim_wide operator^(const csim_wide &other) const
    {
        csim_wide out;
        for (int i = 0; i < limbs; i++) {
            out.limb[i] = limb[i] ^ other.limb[i];
        }
        return out;
    }
};

template <int W, bool WIDE> struct csim_unsigned {
    typedef csim_integer<W, false> type;
};
template <int W> struct csim_unsigned<W, true> {
    typedef csim_wide<W> type;
};
template <int W> using ap_uint = typename csim_unsigned<W, (W > 64)>::type;

#endif
