#include "davit/davit.h"
