// The elements of the style tab.

import "./style-compare.js";
import "./style-content.js";
import "./style-modes.js";
import "./style-pictures.js";
import "./style-preset.js";
import "./style-strip.js";
