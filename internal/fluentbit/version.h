/* Code generated from the file VERSION. DO NOT EDIT. */
#define KATA_VERSION "0.1.0"
