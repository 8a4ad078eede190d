/* What the launcher tells the program that it runs, beside XRT's variables. */
#ifndef DAVIT_EMULATION_ENVIRONMENT_H
#define DAVIT_EMULATION_ENVIRONMENT_H

/* In the folder EMCONFIG_PATH, three lines: number of boards, platform, path of the xclbin. */
#define EMULATION_BOARDS_FILE "boards"

#endif
