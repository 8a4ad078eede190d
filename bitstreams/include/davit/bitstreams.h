/* Bitstreams of our engine and the manifests that name them (bitstreams/manifest.schema.json). A
 * manifest lies in the folder of its files; a file is loaded only as the bytes that its entry
 * describes, and only onto a board that it fits. Manifests and files are untrusted input. */
#ifndef DAVIT_BITSTREAMS_H
#define DAVIT_BITSTREAMS_H

#include "davit/xclbin.h"

#ifdef __cplusplus
extern "C" {
#endif

#define DAVIT_MANIFEST_FILE "manifest.json"
#define DAVIT_MANIFEST_MAX_BYTES ((size_t)1 << 20)
#define DAVIT_BITSTREAM_PATH_BYTES 4096
#define DAVIT_PLATFORM_BYTES 128
#define DAVIT_BITSTREAM_HASH_HEX 65

typedef struct davit_bitstream_kernel {
    const char *name;
    uint32_t compute_units;
} davit_bitstream_kernel;

/* An entry of a manifest. */
typedef struct davit_bitstream {
    const char *name;           /* "u250" */
    const char *file;           /* in the manifest's folder */
    const char *platform;       /* VBNV */
    uint8_t interface_uuid[16]; /* of the shell; zeros: not said */
    bool emulation;             /* carries native code: see davit_bitstream_load */
    char sha256[DAVIT_BITSTREAM_HASH_HEX];
    uint32_t abi_version; /* of davit/engine_abi.h */
    uint32_t rows, columns, depth;
    uint32_t clock_mhz;
    size_t kernel_count;
    const davit_bitstream_kernel *kernels;
    size_t bank_count;
    const char *const *banks;
    const char *source_commit; /* "" unknown */
} davit_bitstream;

typedef struct davit_manifest {
    char folder[DAVIT_BITSTREAM_PATH_BYTES];
    size_t count;
    davit_bitstream *bitstreams;
} davit_manifest;

/* Reads FOLDER/manifest.json; memory from arena. DAVIT_NOT_FOUND, reported, where there is none;
 * DAVIT_BAD_DATA with the field that is wrong. */
DAVIT_NODISCARD davit_status davit_manifest_read(davit_arena *arena, const char *folder,
                                                 const davit_diagnostics *diag,
                                                 davit_manifest *out);

/* Replaces FOLDER/manifest.json. */
DAVIT_NODISCARD davit_status davit_manifest_write(const davit_manifest *manifest,
                                                  const davit_diagnostics *diag);

/* The entry that describes an xclbin file of our engine: what the file says, with its hash. file is
 * its name in the folder. Memory from arena. Reports what cannot be read, and a file that holds
 * another engine. */
DAVIT_NODISCARD davit_status davit_bitstream_describe(davit_arena *arena, const char *name,
                                                      const char *folder, const char *file,
                                                      const char *source_commit,
                                                      const davit_diagnostics *diag,
                                                      davit_bitstream *out);

/* What a bitstream is loaded onto. */
typedef struct davit_bitstream_target {
    const char *platform; /* "": not known, any */
    bool has_interface;
    uint8_t interface_uuid[16];
    bool emulation;
} davit_bitstream_target;

/* Bytes that may be loaded, and what they hold. Free with davit_bitstream_unload. */
typedef struct davit_bitstream_image {
    const void *bytes;
    size_t count;
    davit_xclbin xclbin;
    davit_arena arena;
} davit_bitstream_image;

/* Why an entry does not fit a target, in *why (may be NULL); true when it does. */
bool davit_bitstream_fits(const davit_bitstream *bitstream, const davit_bitstream_target *target,
                          char *why, size_t why_bytes);

/* Reads an entry's file and checks all that can be checked before it is loaded. Refused, reported
 * with the reason: another shell, another ABI, an array of another size, a truncated or altered
 * file (the hash of these very bytes), a file that is not what the entry says, one outside the
 * folder; and for emulation, which runs native code of the file: a folder or file that belongs to
 * somebody else than the user and root, or that others may write. */
DAVIT_NODISCARD davit_status davit_bitstream_load(const davit_allocator *allocator,
                                                  const davit_manifest *manifest,
                                                  const davit_bitstream *bitstream,
                                                  const davit_bitstream_target *target,
                                                  const davit_diagnostics *diag,
                                                  davit_bitstream_image *out);
void davit_bitstream_unload(davit_bitstream_image *image);

/* The folders in which bitstreams for cards are looked for, in order: the user's
 * ($XDG_DATA_HOME/davit/bitstreams, else ~/.local/share/davit/bitstreams), then the installation's.
 * Returns how many were written. */
#define DAVIT_BITSTREAM_FOLDERS 2
size_t davit_bitstream_folders(char folders[DAVIT_BITSTREAM_FOLDERS][DAVIT_BITSTREAM_PATH_BYTES]);

/* The first entry of these folders that fits, loaded. file: the path of the only one to take,
 * beside its manifest, or NULL. Reports what there is and why it does not fit. */
DAVIT_NODISCARD davit_status davit_bitstream_choose(const davit_allocator *allocator,
                                                    const char *file,
                                                    const davit_bitstream_target *target,
                                                    const davit_diagnostics *diag,
                                                    davit_bitstream_image *out);

#ifdef __cplusplus
}
#endif
#endif
