using System.Runtime.InteropServices;
using System.Runtime.Intrinsics.X86;

namespace PostTrainGate.Models;

/// <summary>
/// Sums of a few values, such as the softmax of a confident row, come out differently by the width of the vectors they are taken in,
/// and an attack's sign of a gradient with them. Processors with AVX-512 are held to the width of all others, so that a gate gives
/// the same figures on a laptop, on a build server, and as libraries of reference do. oneDNN and MKL keep their widths: passes are as fast.
/// </summary>
internal static unsafe class VectorWidth
{
    private const string Variable = "ATEN_CPU_CAPABILITY";

    /// <summary>Holds libtorch to AVX2. It looks once, at the first tensor: to be called before there is any.</summary>
    public static void Pin()
    {
        // Processors without AVX-512 choose it themselves, and what the user chose stays.
        if (!OperatingSystem.IsLinux() || !Avx512F.IsSupported || Environment.GetEnvironmentVariable(Variable) is not null) return;
        // .NET's own variables are a copy, which native code does not see.
        if (!NativeLibrary.TryLoad("libc.so.6", out var libc) || !NativeLibrary.TryGetExport(libc, "setenv", out var address)) return;
        fixed (byte* name = "ATEN_CPU_CAPABILITY\0"u8, value = "avx2\0"u8)
        {
            ((delegate* unmanaged[Cdecl]<byte*, byte*, int, int>)address)(name, value, 0);
        }
    }
}
