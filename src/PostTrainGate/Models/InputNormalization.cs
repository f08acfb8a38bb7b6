using System.Collections.Immutable;
using PostTrainGate.Foundation;
using PostTrainGate.Policy;
using PostTrainGate.Torch;
using static TorchSharp.torch;

namespace PostTrainGate.Models;

/// <summary>From the data's units to the model's: (x - mean) / std, for all values alike or per channel.</summary>
internal sealed class InputNormalization : IDisposable
{
    private readonly Tensor? _mean;
    private readonly Tensor? _std;

    private InputNormalization(Tensor? mean, Tensor? std) => (_mean, _std) = (mean, std);

    /// <summary>As the policy has it, for inputs of a shape.</summary>
    /// <exception cref="GateException">PTG2004: as many numbers as no axis has.</exception>
    public static InputNormalization FromPolicy(InputPolicy policy, OnnxFile file, ImmutableArray<long> shape)
    {
        return new(PerChannel(policy.Mean), PerChannel(policy.Std));

        // Channels are the first axis of an input, or the last where they stand last.
        Tensor? PerChannel(ImmutableArray<double> numbers)
        {
            if (numbers.IsEmpty)
                return null;
            var axis =
                numbers.Length == 1 || shape[0] == numbers.Length ? 1
                : shape[^1] == numbers.Length ? shape.Length
                : throw OnnxSignature.Wrong(
                    file,
                    $"has inputs [{string.Join(", ", shape)}], "
                        + $"which do not match the {numbers.Length} values of 'input.mean' or 'input.std'"
                );
            var broadcast = Enumerable.Repeat(1L, shape.Length + 1).ToArray();
            broadcast[axis] = numbers.Length;
            using var scope = NewDisposeScope();
            return tensor(numbers.Select(n => (float)n).ToArray()).reshape(broadcast).DetachFromDisposeScope();
        }
    }

    /// <summary>The model's input; the same tensor where nothing is to be done.</summary>
    public Tensor Apply(Tensor x)
    {
        if (_mean is not null)
            x = x - _mean.On(x);
        return _std is null ? x : x / _std.On(x);
    }

    /// <inheritdoc/>
    public void Dispose()
    {
        _mean?.Dispose();
        _std?.Dispose();
    }
}
