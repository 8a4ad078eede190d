/* Status codes returned by every function of Davit that can fail.
 *
 * The detail (file, node, native code, text) goes once, where the failure is noticed, to the
 * caller's diagnostics sink (davit/diagnostics.h); callers above pass the code on. */
#ifndef DAVIT_STATUS_H
#define DAVIT_STATUS_H

#if defined(__GNUC__)
#define DAVIT_NODISCARD __attribute__((warn_unused_result))
#define DAVIT_PRINTF(text, first) __attribute__((__format__(__printf__, text, first)))
#else
#define DAVIT_NODISCARD
#define DAVIT_PRINTF(text, first)
#endif

/* Marks what libdavit.so exports; everything else is hidden. */
#if defined(__GNUC__)
#define DAVIT_API __attribute__((visibility("default")))
#else
#define DAVIT_API
#endif

#ifdef __cplusplus
extern "C" {
#endif

typedef enum davit_status {
    DAVIT_OK = 0,
    DAVIT_INVALID_ARGUMENT,  /* the caller's argument is wrong (name, shape, type, option) */
    DAVIT_OUT_OF_MEMORY,     /* an allocation failed or a size does not fit size_t */
    DAVIT_NOT_FOUND,         /* a file, value, device or entry of that name does not exist */
    DAVIT_IO_ERROR,          /* the operating system refused to read or write */
    DAVIT_BAD_DATA,          /* a model, plan, tensor or profile is malformed */
    DAVIT_UNSUPPORTED,       /* well-formed, but an operator, type or feature is not supported */
    DAVIT_UNAVAILABLE,       /* a device, driver or library is not usable on this machine */
    DAVIT_DEADLINE_EXCEEDED, /* a wait ended before what it waited for happened */
    DAVIT_DEVICE_LOST,       /* a device stopped answering or reported a fatal error */
    DAVIT_CANCELLED,         /* the work was cancelled by its owner */
    DAVIT_INTERNAL           /* a defect of Davit */
} davit_status;

/* The name of a status in lower case ("out of memory"); never NULL. Reentrant. */
DAVIT_API const char *davit_status_text(davit_status status);

#ifdef __cplusplus
}
#endif
#endif
