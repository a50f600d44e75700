// The elements of the img2img tab.

import "./img2img-advice.js";
import "./img2img-batch.js";
import "./img2img-extend.js";
import "./img2img-size.js";
import "./img2img-strength.js";
import "./mask-tools.js";
import "./source.js";
