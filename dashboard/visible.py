"""Which characters of a trace's text would hide or reorder what a person reads?"""

import re

# C0 without tab and newline, DEL, C1, soft hyphen, bidi marks and overrides, zero-width space and joiners of no glyph,
# line and paragraph separators, invisible operators, the byte order mark, interlinear marks, and the tag block (text that
# only a model sees). Zero-width joiner and non-joiner stay: scripts and emoji need them.
HIDDEN = re.compile(
    "[\x00-\x08\x0b-\x1f\x7f-\x9f\u00ad\u061c\u180e\u200b\u200e\u200f\u2028-\u202e\u2060-\u2064\u2066-\u206f"
    "\ufeff\ufff9-\ufffb\U000e0000-\U000e007f]"
)
