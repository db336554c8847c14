#include "cli/cli_priv.h"

#include <qrencode.h>

#define QUIET 2 // modules of light around the code

static bool dark(const QRcode *code, int x, int y) {
    bool inside = x >= 0 && x < code->width && y >= 0 && y < code->width;
    return inside && (code->data[y * code->width + x] & 1);
}

// On a terminal white on black is set, so that it reads on every theme; in a file a dark module is
// ink.
void qr_print(FILE *out, const char *text, bool colours) {
    QRcode *code = QRcode_encodeString(text, 0, QR_ECLEVEL_L, QR_MODE_8, 1);
    if (!code) {
        return; // too long for a code; the text above serves
    }
    static const char *const blocks[] = {" ", "▄", "▀", "█"};
    for (int y = -QUIET; y < code->width + QUIET; y += 2) {
        (void)fprintf(out, "%s", colours ? "\033[40;97m" : "");
        for (int x = -QUIET; x < code->width + QUIET; x++) {
            bool upper = dark(code, x, y) != colours;
            bool lower = dark(code, x, y + 1) != colours;
            (void)fprintf(out, "%s", blocks[(upper ? 2 : 0) + (lower ? 1 : 0)]);
        }
        (void)fprintf(out, "%s\n", colours ? "\033[0m" : "");
    }
    QRcode_free(code);
}
