// The public header compiles as C++ and its functions link and run.
#include <davit/davit.h>

#include <cstdio>
#include <cstring>

int main()
{
    char version[32];
    std::snprintf(version, sizeof(version), "%d.%d.%d", DAVIT_VERSION_MAJOR, DAVIT_VERSION_MINOR,
                  DAVIT_VERSION_PATCH);
    davit_session_options options;
    davit_session_options_init(&options);
    davit_context *context = nullptr;
    davit_status status = davit_context_create(nullptr, &context);
    bool good = std::strcmp(davit_version(), version) == 0 && options.optimize &&
                status == DAVIT_OK && davit_context_device_count(context) > 0;
    davit_context_destroy(context);
    return good ? 0 : 1;
}
