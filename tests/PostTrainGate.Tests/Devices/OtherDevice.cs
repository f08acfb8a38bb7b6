using System.Runtime.InteropServices;
using PostTrainGate.Torch;
using TorchSharp;
using static TorchSharp.torch;

namespace PostTrainGate.Tests.Devices;

/// <summary>
/// A device that every machine has: libtorch's lazy tensors. They hold real values and have gradients, and libtorch
/// refuses to mix them with tensors of the processor, as it does with those of a graphics card.
/// </summary>
internal static unsafe class OtherDevice
{
    // c10::DeviceType::Lazy, which TorchSharp does not name.
    private const DeviceType Lazy = (DeviceType)17;

    private static readonly Lazy<ComputeDevice> Made = new(Make);

    /// <summary>The device.</summary>
    public static ComputeDevice Instance => Made.Value;

    // torch::lazy::InitTorchScriptBackend(), which registers it.
    private static ComputeDevice Make()
    {
        InitializeDeviceType(DeviceType.CPU); // loads the libraries
        var (name, function) =
            OperatingSystem.IsWindows() ? ("torch_cpu.dll", "?InitTorchScriptBackend@lazy@torch@@YAXXZ")
            : OperatingSystem.IsMacOS() ? ("libtorch_cpu.dylib", "_ZN5torch4lazy22InitTorchScriptBackendEv")
            : ("libtorch_cpu.so", "_ZN5torch4lazy22InitTorchScriptBackendEv");
        ((delegate* unmanaged[Cdecl]<void>)NativeLibrary.GetExport(NativeLibrary.Load(name), function))();
        return new("lazy", new Device(Lazy, 0));
    }
}
