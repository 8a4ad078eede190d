#include "davit/status.h"

const char *davit_status_text(davit_status status)
{
    switch (status) {
    case DAVIT_OK:
        return "ok";
    case DAVIT_INVALID_ARGUMENT:
        return "invalid argument";
    case DAVIT_OUT_OF_MEMORY:
        return "out of memory";
    case DAVIT_NOT_FOUND:
        return "not found";
    case DAVIT_IO_ERROR:
        return "input/output error";
    case DAVIT_BAD_DATA:
        return "bad data";
    case DAVIT_UNSUPPORTED:
        return "unsupported";
    case DAVIT_UNAVAILABLE:
        return "unavailable";
    case DAVIT_DEADLINE_EXCEEDED:
        return "deadline exceeded";
    case DAVIT_DEVICE_LOST:
        return "device lost";
    case DAVIT_CANCELLED:
        return "cancelled";
    case DAVIT_INTERNAL:
        return "internal error";
    }
    return "unknown status";
}
