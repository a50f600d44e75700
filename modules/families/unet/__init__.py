"""What the families around diffusers' UNet2DConditionModel share: SD 1.x, SD 2.x and SDXL differ in a `Kind`."""
