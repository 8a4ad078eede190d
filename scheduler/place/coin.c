#include "coin.h"

#include <dlfcn.h>
#include <pthread.h>
#include <stdbool.h>
#include <stddef.h>

static davit_place_coin coin;
static bool complete;

#define FIND(name)                                                                                 \
    if ((*(void **)&coin.name = dlsym(library, #name)) == NULL) {                                  \
        return false;                                                                              \
    }

static bool find_clp(void *library)
{
    DAVIT_PLACE_CLP_FUNCTIONS(FIND)
    return true;
}

static bool find_cbc(void *library)
{
    DAVIT_PLACE_CBC_FUNCTIONS(FIND)
    return true;
}

static void load(void)
{
    void *clp = dlopen(DAVIT_CLP_LIBRARY, RTLD_NOW | RTLD_LOCAL);
    void *cbc = dlopen(DAVIT_CBC_LIBRARY, RTLD_NOW | RTLD_LOCAL);
    complete = clp != NULL && cbc != NULL && find_clp(clp) && find_cbc(cbc);
}

const davit_place_coin *davit_place_coin_get(void)
{
    static pthread_once_t once = PTHREAD_ONCE_INIT;
    pthread_once(&once, load);
    return complete ? &coin : NULL;
}
