using System.Runtime.InteropServices;
using TorchSharp;
using static TorchSharp.torch;

namespace PostTrainGate.Torch;

/// <summary>
/// Where a model computes. Rows stay in the memory of the host: a model takes those of a pass to its device, and what
/// it finds comes back to where they were. So only what wants to be fast has to know that there are devices.
/// </summary>
internal sealed class ComputeDevice
{
    // Passes of a device have its memory to themselves; 4 GiB leave room on small ones.
    private const long PassBytesOfDevices = 4L << 30;

    private readonly Device? _device;

    /// <summary>A device that libtorch knows.</summary>
    /// <param name="name">For people.</param>
    /// <param name="device">The device; null: the processor.</param>
    public ComputeDevice(string name, Device? device) => (Name, _device) = (name, device);

    /// <summary>The processor.</summary>
    public static ComputeDevice Cpu { get; } = new("cpu", null);

    /// <summary>Variable with the folder of a libtorch that has CUDA.</summary>
    public const string LibtorchVariable = "POSTTRAINGATE_LIBTORCH";

    /// <summary>Key of <see cref="AppContext"/>: why the libraries of that folder are not used, if so.</summary>
    public const string LibtorchProblem = "PostTrainGate.LibtorchProblem";

    /// <summary>The first NVIDIA graphics card.</summary>
    /// <param name="why">Why there is none, and what would be right.</param>
    /// <returns>Null where there is none.</returns>
    public static ComputeDevice? Cuda(out string? why)
    {
        why = AppContext.GetData(LibtorchProblem) as string;
        if (why is not null)
            return null;
        if (!NativeLibrary.TryLoad("torch_cuda", typeof(torch).Assembly, null, out _))
        {
            why =
                "its libraries are not there: set "
                + $"{LibtorchVariable} to the folder with the libraries of libtorch {__version__} for CUDA";
            return null;
        }

        if (!TryInitializeDeviceType(DeviceType.CUDA) || cuda.device_count() == 0)
        {
            why = "libtorch finds no graphics card: look with 'nvidia-smi' whether its driver works";
            return null;
        }

        // Ten bits of a number instead of 23 would be other figures than those of the processor.
        (backends.cuda.matmul.allow_tf32, backends.cudnn.allow_tf32) = (false, false);
        return new("cuda", new Device(DeviceType.CUDA, 0));
    }

    /// <summary>For people.</summary>
    public string Name { get; }

    /// <summary>
    /// Whether it is the processor, so that its caches, its kernels prepared by shape and ONNX Runtime are of account.
    /// </summary>
    public bool IsCpu => _device is null;

    /// <summary>Bytes that the values of a pass may take.</summary>
    /// <param name="host">Those that they may take in the memory of the host.</param>
    public long PassBytes(long host) => IsCpu ? host : PassBytesOfDevices;

    /// <summary>A tensor there: itself where it is there already, else a copy that gradients pass through.</summary>
    public Tensor Take(Tensor value) => Has(value) ? value : value.to(_device ?? CPU);

    /// <inheritdoc cref="Take(Tensor)"/>
    public (Tensor, Tensor) Take(Tensor first, Tensor second) => (Take(first), Take(second));

    /// <summary>Whether a tensor is there.</summary>
    public bool Has(Tensor value) =>
        value.device_type == (_device?.type ?? DeviceType.CPU)
        && (IsCpu || _device!.index < 0 || value.device_index == _device.index);
}

/// <summary>Tensors brought together; each is itself where it is there already.</summary>
internal static class Placement
{
    /// <summary>A tensor where another one is.</summary>
    public static Tensor On(this Tensor value, Tensor other)
    {
        var type = other.device_type;
        return value.device_type == type && (type == DeviceType.CPU || value.device_index == other.device_index)
            ? value
            : value.to(other.device);
    }

    /// <summary>A tensor in the memory of the host, where .NET can read it.</summary>
    public static Tensor OnHost(this Tensor value) => ComputeDevice.Cpu.Take(value);
}
