"""The page. Layout only: what it shows comes from `app`, what it does is a call to `app`."""

import os

os.environ["GRADIO_ANALYTICS_ENABLED"] = "False"  # Gradio reads it while it is imported
