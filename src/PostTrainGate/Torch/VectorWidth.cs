using System.Runtime.Intrinsics.X86;

namespace PostTrainGate.Torch;

/// <summary>
/// Sums of a few values, such as the softmax of a confident row, come out differently by the width of the vectors they
/// are taken in, and an attack's sign of a gradient with them. Processors with AVX-512 are held to the width of all
/// others, so that a gate gives the same figures on a laptop, on a build server, and as libraries of reference do.
/// oneDNN and MKL keep their widths: passes are as fast.
/// </summary>
internal static class VectorWidth
{
    private const string Variable = "ATEN_CPU_CAPABILITY";

    /// <summary>Holds libtorch to AVX2. It looks once, at the first tensor: to be called before there is any.</summary>
    public static void Pin()
    {
        // Processors without AVX-512 choose it themselves, and what the user chose stays.
        if (!OperatingSystem.IsLinux() || !Avx512F.IsSupported)
            return;
        NativeEnvironment.Set(Variable, "avx2");
    }
}
