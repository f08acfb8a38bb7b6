using System.Runtime.InteropServices;
using static TorchSharp.torch;

namespace PostTrainGate.Torch;

/// <summary>
/// NNPACK, one of libtorch's ways to convolve small batches. On a processor that it does not know it complains on
/// standard error at every call, hundreds of times a run; libtorch then convolves in another way, as it does when told
/// to from the start.
/// </summary>
internal static unsafe class NnPack
{
    private static readonly Lazy<bool> Off = new(Apply);

    /// <summary>Turns it off in this process, once.</summary>
    /// <returns>Whether libtorch's switch was found: not on Windows, where NNPACK is not built in.</returns>
    public static bool TurnOff() => Off.Value;

    // at::globalContext().setUserEnabledNNPACK(false), which TorchSharp does not expose.
    private static bool Apply()
    {
        InitializeDeviceType(TorchSharp.DeviceType.CPU); // loads the libraries
        var name = OperatingSystem.IsMacOS() ? "libtorch_cpu.dylib" : "libtorch_cpu.so";
        if (OperatingSystem.IsWindows() || !NativeLibrary.TryLoad(name, out var torch))
            return false;
        if (!NativeLibrary.TryGetExport(torch, "_ZN2at13globalContextEv", out var global))
            return false;
        if (!NativeLibrary.TryGetExport(torch, "_ZN2at7Context20setUserEnabledNNPACKEb", out var set))
            return false;
        var context = ((delegate* unmanaged[Cdecl]<void*>)global)();
        ((delegate* unmanaged[Cdecl]<void*, byte, void>)set)(context, 0);
        return true;
    }
}
