using PostTrainGate.Data;
using PostTrainGate.Models;
using PostTrainGate.Policy;
using PostTrainGate.Torch;
using static TorchSharp.torch;

namespace PostTrainGate.Corruptions;

/// <summary>How inputs become what corruptions take, and back.</summary>
/// <param name="IsTable">Rows of a table, which stay as they are.</param>
/// <param name="ChannelsLast">Of images: whether channels are the last axis.</param>
/// <param name="HasChannels">Of images: whether there is an axis of channels.</param>
/// <param name="Input">Bounds of values, which become 0 and 1.</param>
internal readonly record struct InputForm(bool IsTable, bool ChannelsLast, bool HasChannels, InputPolicy Input)
{
    /// <summary>Kind of corruptions taken where none are named.</summary>
    public CorruptionKind Usual => IsTable ? CorruptionKind.Table : CorruptionKind.Image;

    /// <summary>The form of a model's inputs: false where corruptions know none such.</summary>
    public static bool TryFind(Classifier model, EvaluationSet data, out InputForm form)
    {
        var (shape, input) = (data.InputShape, model.Input);
        var last = input.Layout is { } given ? given == ImageLayout.Nhwc : shape is [not (1 or 3), _, 1 or 3];
        form = new(data.Layout is not null || shape.Length == 1, last, shape.Length == 3, input);
        return form.IsTable || shape.Length == 2 || (shape.Length == 3 && shape[last ? 2 : 0] is 1 or 3);
    }

    /// <summary>Corrupted inputs in the form of the clean ones.</summary>
    public Tensor Apply(Corruption corruption, Tensor inputs, int severity, Generator random, ColumnStatistics? columns)
    {
        using var _ = no_grad();
        using var scope = NewDisposeScope();
        if (IsTable)
            return corruption.Apply(new(inputs, severity, random, columns)).MoveToOuterDisposeScope();
        var x =
            !HasChannels ? inputs.unsqueeze(1)
            : ChannelsLast ? inputs.permute(0, 3, 1, 2)
            : inputs;
        var (offset, range) = (Input.Lower, Input.Upper - Input.Lower);
        x = x.sub(Scalars.Get(offset)).div(Scalars.Get(range)).clamp(Scalars.Get(0), Scalars.Get(1)).contiguous();
        x = corruption
            .Apply(new(x, severity, random))
            .clamp(Scalars.Get(0), Scalars.Get(1))
            .mul(Scalars.Get(range))
            .Plus(offset);
        x =
            !HasChannels ? x.squeeze(1)
            : ChannelsLast ? x.permute(0, 2, 3, 1)
            : x;
        return x.contiguous().MoveToOuterDisposeScope();
    }
}
