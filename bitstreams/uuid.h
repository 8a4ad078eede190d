/* UUIDs as text. */
#ifndef DAVIT_BITSTREAMS_UUID_H
#define DAVIT_BITSTREAMS_UUID_H

#include <stdbool.h>
#include <stdint.h>

bool davit_uuid_read(const char *text, uint8_t uuid[16]);
bool davit_uuid_is_zero(const uint8_t uuid[16]);

#endif
