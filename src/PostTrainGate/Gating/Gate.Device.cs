using PostTrainGate.Foundation;
using PostTrainGate.Torch;

namespace PostTrainGate.Gating;

// Where the model computes.
public static partial class Gate
{
    // The device that a policy asks for, and what is to be said of it; null: nothing.
    private static (ComputeDevice Device, Diagnostic? Note) DeviceOf(GatePolicy policy)
    {
        if (policy.Device == DeviceChoice.Cpu)
            return (ComputeDevice.Cpu, null);
        var cuda = ComputeDevice.Cuda(out var why);
        if (cuda is null && policy.Device == DeviceChoice.Cuda)
            throw new GateException(
                new Diagnostic(
                    DiagnosticCodes.ModelDevice,
                    $"The device cuda cannot be used: {why}; or take auto or cpu as the device."
                )
            );
        return (
            cuda ?? ComputeDevice.Cpu,
            new(
                DiagnosticCodes.ModelDevice,
                cuda is null
                    ? $"The model computes on the processor: {why}."
                    : $"The model computes on {cuda.Name}; repairs compute on the processor.",
                policy.Model?.Position,
                Severity.Note
            )
        );
    }
}
