namespace PostTrainGate.Gating;

/// <summary>Where the model computes.</summary>
public enum DeviceChoice
{
    /// <summary>On the processor.</summary>
    Cpu,

    /// <summary>On an NVIDIA graphics card, else not at all.</summary>
    Cuda,

    /// <summary>On an NVIDIA graphics card where there is one, else on the processor.</summary>
    Auto,
}
