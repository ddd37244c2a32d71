/* What moves on the pages. Each module is about one thing; nothing is inline, nothing comes from elsewhere. */
import "./theme.js";
import "./keys.js";
import "./small.js";
import "./times.js";
import "./live.js";
import "./task.js";
import "./rows.js";
import "./notices.js";
import "./ask.js";
import "./upload.js";
import "./covering.js";
import "./zone.js";
import "./editor.js";
import "./filter.js";
