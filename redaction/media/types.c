/*
 * Types of media, by two tables: signatures, and names.
 *
 * A signature of fewer than three bytes counts only when the same kind was declared; a text
 * that happens to begin so is no picture. Markup counts only when a picture, sound or video was
 * declared: it is none then, or another one.
 */
#include "redaction/media/types.h"

#include <assert.h>
#include <pthread.h>

#include "base/banned.h"

#define MARKS(bytes) NV_STR_INIT(bytes)

struct signature {
    struct nv_str first; /* at `at` */
    struct nv_str second;
    uint8_t at, second_at;
    bool sure;
    struct nv_media_type type;
};

#define TYPE(mime, format, kind)                                                               \
    {                                                                                          \
        NV_STR_INIT(mime), NV_STR_INIT(format), NV_MEDIA_##kind,                               \
        {                                                                                      \
            0, 0, 0, 0                                                                         \
        }                                                                                      \
    }

static const struct signature signatures[] = {
    {MARKS("\x89PNG\r\n\x1a\n"), MARKS(""), 0, 0, true, TYPE("image/png", "png", IMAGE)},
    {MARKS("\xff\xd8\xff"), MARKS(""), 0, 0, true, TYPE("image/jpeg", "jpeg", IMAGE)},
    {MARKS("GIF87a"), MARKS(""), 0, 0, true, TYPE("image/gif", "gif", IMAGE)},
    {MARKS("GIF89a"), MARKS(""), 0, 0, true, TYPE("image/gif", "gif", IMAGE)},
    {MARKS("RIFF"), MARKS("WEBPVP"), 0, 8, true, TYPE("image/webp", "webp", IMAGE)},
    {MARKS("RIFF"), MARKS("WAVE"), 0, 8, true, TYPE("audio/wav", "wav", AUDIO)},
    {MARKS("RIFF"), MARKS("AVI "), 0, 8, true, TYPE("video/x-msvideo", "avi", VIDEO)},
    {MARKS("FORM"), MARKS("AIFF"), 0, 8, true, TYPE("audio/aiff", "aiff", AUDIO)},
    {MARKS("ftyp"), MARKS("avif"), 4, 8, true, TYPE("image/avif", "avif", IMAGE)},
    {MARKS("ftyp"), MARKS("heic"), 4, 8, true, TYPE("image/heic", "heic", IMAGE)},
    {MARKS("ftyp"), MARKS("mif1"), 4, 8, true, TYPE("image/heif", "heif", IMAGE)},
    {MARKS("ftyp"), MARKS("M4A "), 4, 8, true, TYPE("audio/mp4", "m4a", AUDIO)},
    {MARKS("ftyp"), MARKS("qt  "), 4, 8, true, TYPE("video/quicktime", "mov", VIDEO)},
    {MARKS("ftyp"), MARKS(""), 4, 8, true, TYPE("video/mp4", "mp4", VIDEO)},
    {MARKS("\x1a\x45\xdf\xa3"), MARKS(""), 0, 0, true, TYPE("video/webm", "webm", VIDEO)},
    {MARKS("OggS\0"), MARKS(""), 0, 0, true, TYPE("audio/ogg", "ogg", AUDIO)},
    {MARKS("fLaC"), MARKS(""), 0, 0, true, TYPE("audio/flac", "flac", AUDIO)},
    {MARKS("#!AMR"), MARKS(""), 0, 0, true, TYPE("audio/amr", "amr", AUDIO)},
    {MARKS("MThd"), MARKS(""), 0, 0, true, TYPE("audio/midi", "mid", AUDIO)},
    {MARKS("ID3"), MARKS(""), 0, 0, true, TYPE("audio/mpeg", "mp3", AUDIO)},
    {MARKS("%PDF-"), MARKS(""), 0, 0, true, TYPE("application/pdf", "pdf", FILE)},
    {MARKS("PK\x03\x04"), MARKS(""), 0, 0, true, TYPE("application/zip", "zip", FILE)},
    {MARKS("II*\0"), MARKS(""), 0, 0, true, TYPE("image/tiff", "tiff", IMAGE)},
    {MARKS("MM\0*"), MARKS(""), 0, 0, true, TYPE("image/tiff", "tiff", IMAGE)},
    {MARKS("\0\0\x01\0"), MARKS(""), 0, 0, false, TYPE("image/x-icon", "ico", IMAGE)},
    {MARKS("BM"), MARKS(""), 0, 0, false, TYPE("image/bmp", "bmp", IMAGE)},
    {MARKS("\xff\xfb"), MARKS(""), 0, 0, false, TYPE("audio/mpeg", "mp3", AUDIO)},
    {MARKS("\xff\xf3"), MARKS(""), 0, 0, false, TYPE("audio/mpeg", "mp3", AUDIO)},
    {MARKS("\xff\xf2"), MARKS(""), 0, 0, false, TYPE("audio/mpeg", "mp3", AUDIO)},
    {MARKS("\xff\xf1"), MARKS(""), 0, 0, false, TYPE("audio/aac", "aac", AUDIO)},
    {MARKS("\xff\xf9"), MARKS(""), 0, 0, false, TYPE("audio/aac", "aac", AUDIO)},
};

/* How markup begins behind white space, in any case (MIME Sniffing Standard, 7.1, and SVG). */
static const struct {
    struct nv_str begin;
    struct nv_media_type type;
} markups[] = {
    {NV_STR_INIT("<!doctype html"), TYPE("text/html", "html", FILE)},
    {NV_STR_INIT("<html"), TYPE("text/html", "html", FILE)},
    {NV_STR_INIT("<script"), TYPE("text/html", "html", FILE)},
    {NV_STR_INIT("<svg"), TYPE("image/svg+xml", "svg+xml", IMAGE)},
    {NV_STR_INIT("<!doctype svg"), TYPE("image/svg+xml", "svg+xml", IMAGE)},
    {NV_STR_INIT("<?xml"), TYPE("text/xml", "xml", FILE)},
};

/* Formats as they are said beside data. */
static const struct nv_media_type formats[] = {
    TYPE("image/png", "png", IMAGE),       TYPE("image/jpeg", "jpeg", IMAGE),
    TYPE("image/jpeg", "jpg", IMAGE),      TYPE("image/gif", "gif", IMAGE),
    TYPE("image/webp", "webp", IMAGE),     TYPE("audio/wav", "wav", AUDIO),
    TYPE("audio/mpeg", "mp3", AUDIO),      TYPE("audio/flac", "flac", AUDIO),
    TYPE("audio/ogg", "ogg", AUDIO),       TYPE("audio/opus", "opus", AUDIO),
    TYPE("audio/aac", "aac", AUDIO),       TYPE("audio/mp4", "m4a", AUDIO),
    TYPE("video/mp4", "mp4", VIDEO),       TYPE("video/webm", "webm", VIDEO),
    TYPE("video/quicktime", "mov", VIDEO), TYPE("application/pdf", "pdf", FILE),
};

/*
 * Samples without a header, by the names of OpenAI's Realtime API, Gemini's Live API,
 * ElevenLabs and Deepgram. 16 bits are little-endian: so does Gemini send `audio/L16`, for
 * which RFC 2586 has it the other way.
 */
static const struct {
    struct nv_str said;
    struct nv_media_samples samples; /* as far as the name tells */
} raws[] = {
#define LINEAR(name, rate)                                                                     \
    {                                                                                          \
        NV_STR_INIT(name),                                                                     \
        {                                                                                      \
            rate, 1, 16, 1                                                                     \
        }                                                                                      \
    }
    LINEAR("audio/pcm", 24000),
    LINEAR("audio/l16", 24000),
    LINEAR("audio/x-pcm", 24000),
    LINEAR("pcm16", 24000),
    LINEAR("pcm", 24000),
    LINEAR("pcm_s16le", 24000),
    LINEAR("linear16", 16000),
    LINEAR("pcm_8000", 8000),
    LINEAR("pcm_16000", 16000),
    LINEAR("pcm_22050", 22050),
    LINEAR("pcm_24000", 24000),
    LINEAR("pcm_44100", 44100),
    LINEAR("pcm_48000", 48000),
#undef LINEAR
    {NV_STR_INIT("audio/pcmu"), {8000, 1, 8, 7}},
    {NV_STR_INIT("audio/basic"), {8000, 1, 8, 7}},
    {NV_STR_INIT("g711_ulaw"), {8000, 1, 8, 7}},
    {NV_STR_INIT("mulaw"), {8000, 1, 8, 7}},
    {NV_STR_INIT("ulaw_8000"), {8000, 1, 8, 7}},
    {NV_STR_INIT("audio/pcma"), {8000, 1, 8, 6}},
    {NV_STR_INIT("g711_alaw"), {8000, 1, 8, 6}},
    {NV_STR_INIT("alaw"), {8000, 1, 8, 6}},
};

/* Kinds as messages name them, when nothing else is known. */
static const struct {
    struct nv_str said;
    struct nv_media_type type;
} kinds[] = {
    {NV_STR_INIT("image"), TYPE("image/unknown", "bin", IMAGE)},
    {NV_STR_INIT("input_image"), TYPE("image/unknown", "bin", IMAGE)},
    {NV_STR_INIT("image_url"), TYPE("image/unknown", "bin", IMAGE)},
    {NV_STR_INIT("audio"), TYPE("audio/unknown", "bin", AUDIO)},
    {NV_STR_INIT("input_audio"), TYPE("audio/unknown", "bin", AUDIO)},
    {NV_STR_INIT("video"), TYPE("video/unknown", "bin", VIDEO)},
    {NV_STR_INIT("file"), TYPE("application/octet-stream", "bin", FILE)},
    {NV_STR_INIT("input_file"), TYPE("application/octet-stream", "bin", FILE)},
    {NV_STR_INIT("document"), TYPE("application/octet-stream", "bin", FILE)},
    {NV_STR_INIT("blob"), TYPE("application/octet-stream", "bin", FILE)},
    {NV_STR_INIT("binary"), TYPE("application/octet-stream", "bin", FILE)},
    {NV_STR_INIT("media"), TYPE("application/octet-stream", "bin", FILE)},
};

#define COUNT(table) (sizeof(table) / sizeof((table)[0]))

static bool stands_at(struct nv_str head, size_t at, struct nv_str marks)
{
    return marks.len == 0 || (at < head.len && head.ptr[at] == marks.ptr[0] &&
                              nv_str_eq(nv_str_slice(head, at, marks.len), marks));
}

/* ---- names ------------------------------------------------------------------------------- */

/* Fewer than RFC 6838 (4.2) allows: nothing that could end a value in a header or a form. */
static bool is_mime_char(char c)
{
    return (c >= 'a' && c <= 'z') || (c >= '0' && c <= '9') || c == '+' || c == '-' || c == '.';
}

/* `image/png; charset=x` as a type; false: that is none, or nothing that may be sent on. */
static bool by_mime(struct nv_str said, struct nv_media_type *out)
{
    static const struct nv_str roots[] = {NV_STR_INIT("image/"), NV_STR_INIT("audio/"),
                                          NV_STR_INIT("video/")};
    size_t end = nv_str_find_char(said, ';');
    struct nv_str mime = nv_str_trim(nv_str_slice(said, 0, end));
    size_t slash = nv_str_find_char(mime, '/');
    if (slash == SIZE_MAX || slash == 0 || slash + 1 == mime.len ||
        mime.len > NV_MEDIA_MIME_MAX)
        return false;
    unsigned digits = 0;
    for (size_t i = 0; i < mime.len; i++) {
        if (i != slash && !is_mime_char(mime.ptr[i]))
            return false;
        digits += mime.ptr[i] >= '0' && mime.ptr[i] <= '9';
    }
    if (digits > NV_MEDIA_MIME_DIGITS_MAX)
        return false;
    *out = (struct nv_media_type){
        .mime = mime, .format = nv_str_slice(mime, slash + 1, SIZE_MAX), .kind = NV_MEDIA_FILE};
    for (size_t i = 0; i < COUNT(roots); i++) {
        if (nv_str_starts(mime, roots[i]))
            out->kind = (enum nv_media_kind)i;
    }
    return true;
}

static bool by_format(struct nv_str said, struct nv_media_type *out)
{
    for (size_t i = 0; i < COUNT(formats) && said.len > 0; i++) {
        if (nv_str_ieq(formats[i].format, said)) {
            *out = formats[i];
            return true;
        }
    }
    return false;
}

static bool by_kind(struct nv_str said, struct nv_media_type *out)
{
    for (size_t i = 0; i < COUNT(kinds) && said.len > 0; i++) {
        if (nv_str_eq(kinds[i].said, said)) {
            *out = kinds[i].type;
            return true;
        }
    }
    return false;
}

/* The number behind `; name=` in a type with parameters; 0: none. */
static uint32_t parameter(struct nv_str mime, struct nv_str name)
{
    size_t at = nv_str_find_char(mime, ';');
    while (at < mime.len) {
        struct nv_str one = nv_str_slice(mime, at + 1, SIZE_MAX);
        size_t end = nv_str_find_char(one, ';');
        one = nv_str_trim(nv_str_slice(one, 0, end));
        uint64_t number;
        if (nv_str_ieq(nv_str_slice(one, 0, name.len), name) &&
            nv_str_to_uint64(nv_str_slice(one, name.len, SIZE_MAX), &number) == NV_OK)
            return number <= UINT32_MAX ? (uint32_t)number : 0;
        at = end == SIZE_MAX ? mime.len : at + 1 + end;
    }
    return 0;
}

static uint32_t believed(uint32_t told, uint32_t said, uint32_t least, uint32_t most)
{
    uint32_t number = told > 0 ? told : said;
    return number >= least && number <= most ? number : 0;
}

static bool by_raw_name(struct nv_str name, const struct nv_media_said *said,
                        struct nv_media_type *out)
{
    static const struct nv_media_type pcm = TYPE("audio/pcm", "pcm", AUDIO);
    struct nv_str plain = nv_str_trim(nv_str_slice(name, 0, nv_str_find_char(name, ';')));
    for (size_t i = 0; i < COUNT(raws) && plain.len > 0; i++) {
        if (!nv_str_ieq(raws[i].said, plain))
            continue;
        uint32_t rate = believed(parameter(name, NV_STR("rate=")), said->rate,
                                 NV_MEDIA_RATE_MIN, NV_MEDIA_RATE_MAX);
        uint32_t channels = believed(parameter(name, NV_STR("channels=")), said->channels, 1,
                                     NV_MEDIA_CHANNELS_MAX);
        *out = pcm;
        out->samples = raws[i].samples;
        if (rate > 0)
            out->samples.rate = rate;
        if (channels > 0)
            out->samples.channels = (uint8_t)channels;
        return true;
    }
    return false;
}

static bool by_name(const struct nv_media_said *said, struct nv_media_type *out)
{
    return by_raw_name(said->mime, said, out) || by_raw_name(said->format, said, out) ||
           by_mime(said->mime, out) || by_mime(said->format, out) ||
           by_format(said->format, out) || by_kind(said->kind, out);
}

/* ---- without a name ---------------------------------------------------------------------- */

/* A bit for each byte that the sure signatures at the begin, and those behind it, begin with:
 * nearly all that is asked is no medium, and says so by one byte of each. */
static uint64_t firsts[4], inners[4];
static uint8_t inner_at;

static void note_first(uint64_t bits[4], char first)
{
    bits[(unsigned char)first / 64] |= UINT64_C(1) << ((unsigned char)first % 64);
}

static void build_firsts(void)
{
    for (size_t i = 0; i < COUNT(signatures); i++) {
        const struct signature *row = &signatures[i];
        if (!row->sure)
            continue;
        assert(row->at == 0 || inner_at == 0 || inner_at == row->at);
        inner_at = row->at > 0 ? row->at : inner_at;
        note_first(row->at == 0 ? firsts : inners, row->first.ptr[0]);
    }
}

static bool has_bit(const uint64_t bits[4], char c)
{
    return (bits[(unsigned char)c / 64] >> ((unsigned char)c % 64) & 1) != 0;
}

/* May the bytes be of a type that they tell alone? */
static bool may_tell(struct nv_str head)
{
    static pthread_once_t once = PTHREAD_ONCE_INIT;
    (void)pthread_once(&once, build_firsts);
    return head.len > 0 && (has_bit(firsts, head.ptr[0]) ||
                            (head.len > inner_at && has_bit(inners, head.ptr[inner_at])));
}

/* Is it markup that was declared to be something else? */
static bool by_markup(struct nv_str head, const struct nv_media_type *named,
                      struct nv_media_type *out)
{
    struct nv_str text = nv_str_trim(head);
    if (named->kind == NV_MEDIA_FILE || nv_str_ends(named->mime, NV_STR("+xml")))
        return false;
    for (size_t i = 0; i < COUNT(markups); i++) {
        if (nv_str_ieq(nv_str_slice(text, 0, markups[i].begin.len), markups[i].begin)) {
            *out = markups[i].type;
            return true;
        }
    }
    return false;
}

/* ---- both -------------------------------------------------------------------------------- */

bool nv_media_type_of(struct nv_str head, const struct nv_media_said *said,
                      struct nv_media_type *out)
{
    struct nv_media_type named = {.kind = NV_MEDIA_FILE};
    bool says = said->mime.len > 0 || said->format.len > 0 || said->kind.len > 0;
    bool is_named = says && by_name(said, &named);
    if (!is_named && !may_tell(head))
        return false;
    for (size_t i = 0; i < COUNT(signatures); i++) {
        const struct signature *row = &signatures[i];
        if ((row->sure || (is_named && named.kind == row->type.kind)) &&
            stands_at(head, row->at, row->first) &&
            stands_at(head, row->second_at, row->second)) {
            *out = row->type;
            return true;
        }
    }
    if (is_named && !by_markup(head, &named, out))
        *out = named;
    return is_named;
}
